{#
Building only what a change touches.

With the variable `rebuild_from`, a midnight, marts and features keep every
row before it and make the rest anew: a fact row from that instant on, a
feature row after it, since a row at t knows only what came before t. A model
that makes more leaves the older rows as they are. Without
the variable everything is made anew. Which day it is, is found by comparing
the raw rows of each day with those of the last build (flows/rebuild.py); so
a late arrival moves it back to the day on which the late row happened.
#}
{# A unit test has no `this`; it makes everything anew. #}
{% macro is_rebuilding() -%}
    {%- if not this or var('rebuild_from') is none -%}
        {{ return(false) }}
    {%- endif -%}
    {{ return(is_incremental()) }}
{%- endmacro %}


{# The rows a build makes, as a condition on the time of a fact. #}
{% macro where_rebuilt(happened_at) -%}
    {%- if is_rebuilding() -%}
    where {{ happened_at }} >= timestamp '{{ var("rebuild_from") }}'
    {%- endif -%}
{%- endmacro %}


{# The same for a feature row. #}
{% macro where_rebuilt_feature(event_timestamp) -%}
    {%- if is_rebuilding() -%}
    where {{ event_timestamp }} > timestamp '{{ var("rebuild_from") }}'
    {%- endif -%}
{%- endmacro %}


{# dbt's name for an incremental strategy: how the new rows take their place. #}
{% macro get_incremental_replace_from_sql(arguments) %}
    {%- set meta = model.config.meta -%}
    {%- set is_feature = 'feast' in meta -%}
    {%- set time = meta.feast.timestamp if is_feature else meta.rebuilt.by -%}
    {%- set columns = arguments['dest_columns']
        | map(attribute='quoted') | join(', ') -%}
    delete from {{ arguments['target_relation'] }}
    where {{ time }} {{ '>' if is_feature else '>=' }}
        timestamp '{{ var("rebuild_from") }}';

    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
    where {{ time }} {{ '>' if is_feature else '>=' }}
        timestamp '{{ var("rebuild_from") }}'
{% endmacro %}
