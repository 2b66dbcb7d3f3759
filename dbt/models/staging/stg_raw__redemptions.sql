with source as (

    select * from {{ source('raw', 'redemptions') }}

),

renamed as (

    select
        coupon_id,
        user_id,
        campaign_id,
        is_synthetic,
        redeemed_at

    from source

)

select * from renamed
