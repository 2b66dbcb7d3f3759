with source as (

    select * from {{ source('raw', 'promotions') }}

),

renamed as (

    select
        item_id,
        store_id,
        nullif(display_location, '0') as display_location,
        nullif(mailer_location, '0') as mailer_location,
        is_synthetic,
        started_at,
        ended_at

    from source

)

select * from renamed
