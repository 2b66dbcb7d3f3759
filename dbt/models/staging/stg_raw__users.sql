with source as (

    select * from {{ source('raw', 'users') }}

),

renamed as (

    select
        user_id,
        country,
        age_band,
        income_band,
        household_size,
        household_composition,
        home_ownership,
        marital_status,
        kid_count,
        is_synthetic

    from source

)

select * from renamed
