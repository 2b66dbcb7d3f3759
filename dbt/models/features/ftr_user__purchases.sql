{%- set measures = {
    'order_count': [0, 7, 28, 90],
    'line_count': [28, 90],
    'spend_cents': [7, 28, 90],
    'discount_cents': [28],
    'return_count': [90],
} -%}

with order_lines as (

    select * from {{ ref('fct_order_lines') }}
    where user_id is not null

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

daily as (

    select
        user_id,
        cast(ordered_at as date) as order_date,
        count(distinct case when not is_return then order_id end)
            as order_count,
        sum(case when is_return then 0 else 1 end) as line_count,
        sum(case when is_return then 0 else {{ cents('paid_usd') }} end)
            as spend_cents,
        sum(case when is_return then 0 else {{ cents('discount_usd') }} end)
            as discount_cents,
        sum(case when is_return then 1 else 0 end) as return_count

    from order_lines
    group by user_id, cast(ordered_at as date)

),

deltas as (
    {{ window_deltas('daily', 'user_id', 'order_date', measures) }}
),

totals as (
    {{ window_totals('deltas', 'user_id', measures) }}
),

features as (

    select
        totals.user_id,
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        order_count as user__order_count,
        order_count_7d as user__order_count_7d,
        order_count_28d as user__order_count_28d,
        order_count_90d as user__order_count_90d,
        line_count_28d as user__line_count_28d,
        {{ as_usd('spend_cents_7d') }} as user__spend_sum_usd_7d,
        {{ as_usd('spend_cents_28d') }} as user__spend_sum_usd_28d,
        {{ as_usd('spend_cents_90d') }} as user__spend_sum_usd_90d,
        {{ as_usd('discount_cents_28d') }} as user__discount_sum_usd_28d,
        return_count_90d as user__return_count_90d,
        {{ mean('line_count_90d', 'order_count_90d') }}
            as user__basket_lines_mean_90d

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of
    {{ where_rebuilt_feature('totals.event_timestamp') }}

)

select * from features
