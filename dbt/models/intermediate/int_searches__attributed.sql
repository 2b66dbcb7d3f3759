with searches as (

    select * from {{ ref('stg_raw__searches') }}

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
        searches.*,
        {{ known_at('searches.searched_at', 'searches.is_synthetic') }}
            as known_at

    from searches
    left join orders on searches.derived_from_order_id = orders.order_id

)

select * from attributed
