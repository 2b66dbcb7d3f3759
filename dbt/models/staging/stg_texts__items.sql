with source as (

    select * from {{ source('texts', 'items') }}

),

renamed as (

    select
        item_id,
        axis_a,
        axis_b,
        axis_c,
        axis_d,
        axis_e,
        axis_f,
        axis_g,
        axis_h,
        word_count,
        listing_good

    from source

)

select * from renamed
