with source as (

    select * from {{ source('raw', 'searches') }}

),

renamed as (

    select
        query_id,
        session_id,
        user_id,
        derived_from_order_id,
        query,
        result_count,
        is_synthetic,
        searched_at

    from source

)

select * from renamed
