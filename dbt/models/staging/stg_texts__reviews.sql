with source as (

    select * from {{ source('texts', 'reviews') }}

),

renamed as (

    select
        review_id,
        sentiment,
        aspect_fit,
        aspect_quality,
        aspect_price,
        aspect_comfort,
        aspect_look,
        aspect_service

    from source

)

select * from renamed
