{#
Places of texts on the axes of the shop's titles: whole ten-thousandths, whose
sums do not depend on the order of adding (training/text_features/model.py).
#}
{% macro text_axes() -%}
    {{ return(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) }}
{%- endmacro %}


{% macro as_place(ten_thousandths) -%}
    cast({{ ten_thousandths }} as {{ type_double() }}) / 10000
{%- endmacro %}


{# The mean place of `number` texts; 0, the mean of all titles, for none. #}
{% macro mean_place(total, number) -%}
    case
        when {{ number }} > 0
            then cast({{ total }} as {{ type_double() }})
                / ({{ number }} * 10000)
        else 0
    end
{%- endmacro %}
