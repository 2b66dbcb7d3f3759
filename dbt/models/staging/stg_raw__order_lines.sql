with source as (

    select * from {{ source('raw', 'order_lines') }}

),

renamed as (

    select
        order_id,
        user_id,
        item_id,
        store_id,
        channel,
        currency,
        line_number,
        quantity,
        unit_price,
        discount,
        is_synthetic,
        ordered_at

    from source

)

select * from renamed
