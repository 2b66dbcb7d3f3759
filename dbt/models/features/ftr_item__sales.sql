{%- set measures = {
    'order_count': [0, 7, 28, 90],
    'quantity': [28],
    'spend_cents': [7, 28, 90],
    'return_count': [90],
    'user_distinct_28d': [0],
} -%}

with order_lines as (

    select
        *,
        cast(ordered_at as date) as day

    from {{ ref('fct_order_lines') }}

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

sales as (

    select
        item_id,
        day,
        count(distinct case when not is_return then order_id end)
            as order_count,
        sum(case when is_return then 0 else quantity end) as quantity,
        sum(case when is_return then 0 else {{ cents('paid_usd') }} end)
            as spend_cents,
        sum(case when is_return then 1 else 0 end) as return_count

    from order_lines
    group by item_id, day

),

purchase_days as (

    select distinct
        item_id,
        user_id,
        day

    from order_lines
    where
        user_id is not null
        and not is_return

),

-- A user is counted from a purchase until 28 days later, or until the next
-- purchase takes over: so nobody is counted twice.
user_stays as (

    select
        item_id,
        day as arrived_day,
        cast({{ dbt.dateadd('day', 28, 'day') }} as date) as expired_day,
        lead(day) over (
            partition by item_id, user_id order by day
        ) as next_day

    from purchase_days

),

daily as (

    select
        item_id,
        day,
        order_count,
        quantity,
        spend_cents,
        return_count,
        0 as user_distinct_28d

    from sales

    union all

    select
        item_id,
        arrived_day as day,
        0 as order_count,
        0 as quantity,
        0 as spend_cents,
        0 as return_count,
        1 as user_distinct_28d

    from user_stays

    union all

    select
        item_id,
        least(expired_day, coalesce(next_day, expired_day)) as day,
        0 as order_count,
        0 as quantity,
        0 as spend_cents,
        0 as return_count,
        -1 as user_distinct_28d

    from user_stays

),

deltas as (
    {{ window_deltas('daily', 'item_id', 'day', measures) }}
),

totals as (
    {{ window_totals('deltas', 'item_id', measures) }}
),

features as (

    select
        totals.item_id,
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        order_count as item__order_count,
        order_count_7d as item__order_count_7d,
        order_count_28d as item__order_count_28d,
        order_count_90d as item__order_count_90d,
        user_distinct_28d as item__user_distinct_28d,
        quantity_28d as item__quantity_sum_28d,
        {{ as_usd('spend_cents_7d') }} as item__spend_sum_usd_7d,
        {{ as_usd('spend_cents_28d') }} as item__spend_sum_usd_28d,
        {{ as_usd('spend_cents_90d') }} as item__spend_sum_usd_90d,
        return_count_90d as item__return_count_90d

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of
    {{ where_rebuilt_feature('totals.event_timestamp') }}

)

select * from features
