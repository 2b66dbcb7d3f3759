{# Dollars for one unit of the currency in a column; null if it has no rate. #}
{% macro usd_per_unit(currency) %}
    {%- set rates = var('usd_per_unit') -%}
    {%- set default = rates['GBP'] | string -%}
    {%- set usd_per_gbp = env_var('COUNTERFOIL_USD_PER_GBP', default) -%}
    case {{ currency }}
    {%- for code, rate in rates.items() %}
        when '{{ code }}' then {{ usd_per_gbp if code == 'GBP' else rate }}
    {%- endfor %}
    end
{%- endmacro %}


{#
Rounded to cents. Not round(usd, 2): DuckDB rounds usd * 100, Spark the decimal
digits of usd, and 1.005 becomes 1.0 there and 1.01 here.
#}
{% macro rounded_usd(usd) %}
    {{- 'round((' ~ usd ~ ') * 100) / 100' -}}
{% endmacro %}


{# Whole cents: sums of integers do not depend on the order of adding. #}
{% macro cents(usd) %}
    {{- 'cast(round(' ~ usd ~ ' * 100) as ' ~ dbt.type_bigint() ~ ')' -}}
{% endmacro %}


{% macro as_usd(cents) %}
    {{- 'cast(' ~ cents ~ ' as ' ~ type_double() ~ ') / 100' -}}
{% endmacro %}
