{#
Windows over days, exact and without a self-join.

A feature row stands at midnight of a day d and knows [d - W, d). What
happened on day x therefore enters its windows in the row of x + 1, and
leaves a window of W days in the row of x + 1 + W. `window_deltas` writes
both as signed rows, `window_totals` adds them up day by day.

`measures` maps an integer column to its windows, in days; 0 means all time:
    {'order_count': [0, 7, 28]}
gives the columns order_count, order_count_7d and order_count_28d.

When only days after `rebuild_from` are made anew (rebuild.sql), totals are
worked out for the entities on whose windows something moves after it.
#}
{% macro window_deltas(relation, entity, day, measures) %}
    {%- set columns = window_columns(measures) -%}
    {%- set windows = [0] + columns | map(attribute='days') | list -%}
    {%- for days in windows | unique | sort %}
    {%- if days > 0 %}
    union all
    {%- endif %}
    {#- The block of 0 days enters all windows; the others leave one each. #}
    select
        {{ entity }},
        {{ dbt.dateadd('day', days + 1, day) }} as event_timestamp,
        {%- for column in columns %}
        {%- if days == 0 %}
        cast(
            {{ column.measure }} as {{ dbt.type_bigint() }}
        ) as {{ column.name }}
        {%- elif column.days == days %}
        cast(
            -{{ column.measure }} as {{ dbt.type_bigint() }}
        ) as {{ column.name }}
        {%- else %}
        0 as {{ column.name }}
        {%- endif %}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    {%- if days > 0 %}
    where
        {%- for column in columns if column.days == days %}
        {{ 'or ' if not loop.first }}{{ column.measure }} <> 0
        {%- endfor %}
    {%- endif %}
    {%- endfor %}
{% endmacro %}


{% macro window_totals(relation, entity, measures) %}
    {%- set columns = window_columns(measures) %}
    select
        {{ entity }},
        cast(event_timestamp as {{ dbt.type_timestamp() }}) as event_timestamp,
        {%- for column in columns %}
        cast(
            sum({{ column.name }}) over so_far as {{ dbt.type_bigint() }}
        ) as {{ column.name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            {{ entity }},
            event_timestamp,
            {%- for column in columns %}
            cast(
                sum({{ column.name }}) as {{ dbt.type_bigint() }}
            ) as {{ column.name }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }}
        {%- if is_rebuilding() %}
        where ({{ entity }}) in (
            select {{ entity }} from {{ relation }}
            where event_timestamp > timestamp '{{ var("rebuild_from") }}'
        )
        {%- endif %}
        group by {{ entity }}, event_timestamp
    ) as by_day
    window so_far as (
        partition by {{ entity }} order by event_timestamp
        rows between unbounded preceding and current row
    )
{% endmacro %}


{% macro window_columns(measures) %}
    {%- set columns = [] -%}
    {%- for measure, windows in measures.items() -%}
        {%- for days in windows -%}
            {%- set suffix = '_' ~ days ~ 'd' if days else '' -%}
            {%- do columns.append({
                'name': measure ~ suffix,
                'measure': measure,
                'days': days,
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}


{#
How many different values an entity had in a window, without a self-join.

`relation` has a row per entity, day and value; the value's column is named as
its measure is, and `measures` gives its windows: {'brand_distinct': [0, 28]}.
A value enters a window of W days when it had not been seen for more than W
days, and leaves it W days after it was last seen. Its rows join those of
`window_deltas` by `union all`; there the measure is 0.
#}
{% macro distinct_deltas(relation, entity, day, measures, measure) %}
    {%- set columns = window_columns(measures) -%}
    {%- set counted = columns | selectattr('measure', 'equalto', measure) -%}
    {%- set blocks = namespace(written=0) -%}
    {%- for column in counted %}
    {%- for change in [1, -1] if change > 0 or column.days > 0 %}
    {%- set from_day = day if change < 0 else 'other_day' -%}
    {%- set to_day = 'other_day' if change < 0 else day -%}
    {%- if blocks.written > 0 %}
    union all
    {%- endif %}
    {%- set blocks.written = blocks.written + 1 %}
    select
        {{ entity }},
        {{ dbt.dateadd('day', 1 if change > 0 else column.days + 1, day) }}
            as event_timestamp,
        {%- for other in columns %}
        {{ change if other.name == column.name else 0 }} as {{ other.name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            {{ entity }},
            {{ day }},
            {{ 'lag' if change > 0 else 'lead' }}({{ day }}) over (
                partition by {{ entity }}, {{ measure }} order by {{ day }}
            ) as other_day
        from (
            select distinct {{ entity }}, {{ day }}, {{ measure }}
            from {{ relation }}
            where {{ measure }} is not null
        ) as value_days
    ) as stays
    where
        other_day is null
        {%- if column.days > 0 %}
        or cast({{ dbt.dateadd('day', column.days, from_day) }} as date)
            < {{ to_day }}
        {%- endif %}
    {%- endfor %}
    {%- endfor %}
{% endmacro %}
