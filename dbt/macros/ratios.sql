{# Rows of one kind. #}
{% macro count_of(kind, column='event_type') -%}
    sum(case when {{ column }} = '{{ kind }}' then 1 else 0 end)
{%- endmacro %}


{# 0 where there is nothing to divide by. #}
{% macro mean(total, number) -%}
    case
        when {{ number }} > 0
            then cast({{ total }} as {{ type_double() }}) / {{ number }}
        else 0
    end
{%- endmacro %}


{# The share of a whole, 0 to 1; 0 where there is no whole. #}
{% macro rate(part, whole) -%}
    case
        when {{ whole }} > 0 and {{ part }} > 0
            then least(cast({{ part }} as {{ type_double() }}) / {{ whole }}, 1)
        else 0
    end
{%- endmacro %}


{% macro type_double() -%}
    double
{%- endmacro %}
