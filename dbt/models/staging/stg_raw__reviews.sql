with source as (

    select * from {{ source('raw', 'reviews') }}

),

renamed as (

    select
        review_id,
        item_id,
        user_id,
        title,
        body,
        rating,
        is_synthetic,
        reviewed_at

    from source

)

select * from renamed
