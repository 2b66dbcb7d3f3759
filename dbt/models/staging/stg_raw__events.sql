with source as (

    select * from {{ source('raw', 'events') }}

),

renamed as (

    select
        event_id,
        session_id,
        user_id,
        item_id,
        request_id,
        query_id,
        derived_from_order_id,
        event_type,
        position,
        is_synthetic,
        event_at,
        ingested_at

    from source

)

select * from renamed
