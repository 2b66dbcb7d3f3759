{%- set measures = {
    'count_day_count': [0, 28],
    'empty_day_count': [28],
} -%}

with closed as (

    select
        *,
        row_number() over (
            partition by item_id order by snapshot_date
        ) as count_day_number

    from {{ ref('int_stock__closed') }}

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

daily as (

    select
        item_id,
        snapshot_date,
        1 as count_day_count,
        case when on_hand <= 0 then 1 else 0 end as empty_day_count

    from closed

),

deltas as (
    {{ window_deltas('daily', 'item_id', 'snapshot_date', measures) }}
),

totals as (
    {{ window_totals('deltas', 'item_id', measures) }}
),

-- A total of counted days names the count that was last.
features as (

    select
        totals.item_id,
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        case when count_day_count_28d > 0 then closed.on_hand end
            as item__on_hand_last_28d,
        {{ rate('empty_day_count_28d', 'count_day_count_28d') }}
            as item__out_of_stock_rate_28d

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of
    inner join closed
        on totals.item_id = closed.item_id
        and totals.count_day_count = closed.count_day_number
    {{ where_rebuilt_feature('totals.event_timestamp') }}

)

select * from features
