with events as (

    select * from {{ ref('stg_raw__events') }}

),

orders as (

    select
        order_id,
        max(ordered_at) as ordered_at

    from {{ ref('stg_raw__order_lines') }}
    group by order_id

),

attributed as (

    select
        events.*,
        {{ known_at('events.event_at', 'events.is_synthetic') }} as known_at

    from events
    left join orders on events.derived_from_order_id = orders.order_id

)

select * from attributed
