{#
What is read of reviews comes in whole thousandths, whose sums do not depend on
the order of adding (training/sentiment/reading.py).
#}
{% macro review_aspects() -%}
    {{ return(['fit', 'quality', 'price', 'comfort', 'look', 'service']) }}
{%- endmacro %}


{# The mean over `number` reviews; `otherwise`, the declared default, of none. #}
{% macro mean_read(total, number, otherwise, scale=1000) -%}
    case
        when {{ number }} > 0
            then cast({{ total }} as {{ type_double() }})
                / ({{ number }} * {{ scale }})
        else {{ otherwise }}
    end
{%- endmacro %}
