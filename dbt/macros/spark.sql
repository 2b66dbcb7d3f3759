{#
What Spark needs beside the models, which are the same as on DuckDB. Times are
naive UTC: `timestamp` means timestamp_ntz there (profiles.yml), which
dbt-spark's own dateadd cannot make.
#}
{% macro spark__dateadd(datepart, interval, from_date_or_timestamp) -%}
    timestampadd(
        {{ datepart }}, {{ interval }},
        cast({{ from_date_or_timestamp }} as {{ dbt.type_timestamp() }})
    )
{%- endmacro %}


{# dbt-spark's own fails where a path has fewer parts than are asked for. #}
{% macro spark__split_part(string_text, delimiter_text, part_number) -%}
    split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}


{# Contracts say varchar; Spark's varchar wants a length, its text is string. #}
{% macro spark__cast(field, type) -%}
    cast({{ field }} as {{ 'string' if type == 'varchar' else type }})
{%- endmacro %}


{#
Before a run: the views raw.<table> and texts.<table> that stages define on
DuckDB. On Spark they read the Parquet files that those views were written to.
#}
{% macro define_raw_views() %}
    {%- if execute and target.type == 'spark' -%}
    {%- set folder = env_var('COUNTERFOIL_HOME') ~ '/spark/' -%}
    {%- do run_query('create schema if not exists raw') -%}
    {%- do run_query('create schema if not exists texts') -%}
    {%- for table in graph.sources.values() -%}
        {%- do run_query(
            'create or replace view ' ~ table.schema ~ '.' ~ table.name
            ~ ' as select * from parquet.`' ~ folder ~ table.schema ~ '/'
            ~ table.name ~ '.parquet`'
        ) -%}
    {%- endfor -%}
    {%- endif -%}
{% endmacro %}
