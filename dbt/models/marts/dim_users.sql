with users as (

    select * from {{ ref('stg_raw__users') }}

),

first_orders as (

    select
        user_id,
        min(ordered_at) as first_ordered_at

    from {{ ref('fct_order_lines') }}
    group by user_id

),

final as (

    select
        users.user_id,
        users.country,
        users.age_band,
        users.income_band,
        users.household_size,
        users.household_composition,
        users.home_ownership,
        users.marital_status,
        users.kid_count,
        users.is_synthetic,
        first_orders.first_ordered_at

    from users
    left join first_orders on users.user_id = first_orders.user_id

)

select * from final
