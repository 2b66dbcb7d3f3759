with source as (

    select * from {{ source('raw', 'coupons') }}

),

renamed as (

    select
        coupon_id,
        item_id,
        campaign_id,
        is_synthetic

    from source

)

select * from renamed
