with source as (

    select * from {{ source('raw', 'stock') }}

),

renamed as (

    select
        item_id,
        on_hand,
        is_synthetic,
        snapshot_at

    from source

)

select * from renamed
