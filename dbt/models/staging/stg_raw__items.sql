with source as (

    select * from {{ source('raw', 'items') }}

),

renamed as (

    select
        item_id,
        manufacturer_id,
        title,
        description,
        brand,
        category_path,
        package_size,
        price_listed,
        is_synthetic,
        listed_at

    from source

)

select * from renamed
