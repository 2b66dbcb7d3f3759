{%- set measures = {
    'impression_count': [28],
    'view_count': [7, 28, 90],
    'cart_count': [28],
} -%}

with events as (

    select
        *,
        cast(known_at as date) as known_date

    from {{ ref('fct_events') }}
    where event_type in ('impression', 'view', 'cart')

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

daily as (

    select
        item_id,
        known_date,
        {{ count_of('impression') }} as impression_count,
        {{ count_of('view') }} as view_count,
        {{ count_of('cart') }} as cart_count

    from events
    group by item_id, known_date

),

deltas as (
    {{ window_deltas('daily', 'item_id', 'known_date', measures) }}
),

totals as (
    {{ window_totals('deltas', 'item_id', measures) }}
),

features as (

    select
        totals.item_id,
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        impression_count_28d as item__impression_count_28d,
        view_count_7d as item__view_count_7d,
        view_count_28d as item__view_count_28d,
        view_count_90d as item__view_count_90d,
        cart_count_28d as item__cart_count_28d,
        {{ rate('view_count_28d', 'impression_count_28d') }}
            as item__view_rate_28d,
        {{ rate('cart_count_28d', 'view_count_28d') }}
            as item__cart_rate_28d

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of
    {{ where_rebuilt_feature('totals.event_timestamp') }}

)

select * from features
