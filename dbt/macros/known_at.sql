{#
From when a row may be known. A synthetic row was made around a basket that
came after it, so it is not known before that basket; a real row is known
when it happens. Needs a joined `orders.ordered_at`.
#}
{% macro known_at(happened_at, is_synthetic) -%}
    case
        when {{ is_synthetic }}
            then greatest(
                {{ happened_at }},
                coalesce(orders.ordered_at, {{ happened_at }})
            )
        else {{ happened_at }}
    end
{%- endmacro %}
