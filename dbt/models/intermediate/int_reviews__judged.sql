with reviews as (

    select * from {{ ref('stg_raw__reviews') }}

),

readings as (

    select * from {{ ref('stg_texts__reviews') }}

),

judged as (

    select
        reviews.review_id,
        reviews.item_id,
        reviews.user_id,
        readings.sentiment,
        readings.aspect_fit,
        readings.aspect_quality,
        readings.aspect_price,
        readings.aspect_comfort,
        readings.aspect_look,
        readings.aspect_service,
        reviews.reviewed_at as known_at

    from reviews
    left join readings on reviews.review_id = readings.review_id

)

select * from judged
