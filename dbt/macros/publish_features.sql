{#
Writes a feature table to Parquet, sorted by entity and time, where Feast
reads it. Only DuckDB does so: on Spark a table is Parquet already, and Feast
reads spark/tables/<name> (location_root in dbt_project.yml).
dbt-duckdb's `external` materialization would write a row of nulls for an
empty model, and could not enforce not_null.
#}
{% macro publish_features() %}
    {{ return(adapter.dispatch('publish_features')()) }}
{% endmacro %}


{% macro default__publish_features() %}
{% endmacro %}


{% macro duckdb__publish_features() %}
    {%- if execute -%}
    {%- set feast = model.config.meta.feast -%}
    {%- set key = feast.entity -%}
    {%- set keys = key if key is string else key | join(', ') -%}
    copy (
        select * from {{ this }}
        order by {{ keys }}, {{ feast.timestamp }}
    ) to '{{ env_var('COUNTERFOIL_FEATURES_DIR') | replace("'", "''") }}/{{ this.name }}.parquet'
    (format parquet, compression zstd)
    {%- endif -%}
{% endmacro %}
