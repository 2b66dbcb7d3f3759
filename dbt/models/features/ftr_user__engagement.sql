{%- set measures = {
    'session_count': [28],
    'search_count': [28],
    'impression_count': [28],
    'view_count': [7, 28, 90],
    'cart_count': [28],
} -%}

with events as (

    select * from {{ ref('fct_events') }}
    where event_type in ('impression', 'view', 'cart')

),

searches as (

    select * from {{ ref('fct_searches') }}

),

sessions as (

    select * from {{ ref('int_sessions__started') }}

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

acts as (

    select user_id, known_at, event_type as act from events
    union all
    select user_id, known_at, 'search' as act from searches
    union all
    select user_id, known_at, 'session' as act from sessions

),

daily as (

    select
        user_id,
        cast(known_at as date) as known_date,
        {{ count_of('session', 'act') }} as session_count,
        {{ count_of('search', 'act') }} as search_count,
        {{ count_of('impression', 'act') }} as impression_count,
        {{ count_of('view', 'act') }} as view_count,
        {{ count_of('cart', 'act') }} as cart_count

    from acts
    where user_id is not null
    group by user_id, cast(known_at as date)

),

deltas as (
    {{ window_deltas('daily', 'user_id', 'known_date', measures) }}
),

totals as (
    {{ window_totals('deltas', 'user_id', measures) }}
),

features as (

    select
        totals.user_id,
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        session_count_28d as user__session_count_28d,
        search_count_28d as user__search_count_28d,
        impression_count_28d as user__impression_count_28d,
        view_count_7d as user__view_count_7d,
        view_count_28d as user__view_count_28d,
        view_count_90d as user__view_count_90d,
        cart_count_28d as user__cart_count_28d,
        {{ rate('view_count_28d', 'impression_count_28d') }}
            as user__view_rate_28d,
        {{ rate('cart_count_28d', 'view_count_28d') }}
            as user__cart_rate_28d

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of
    {{ where_rebuilt_feature('totals.event_timestamp') }}

)

select * from features
