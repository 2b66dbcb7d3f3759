with source as (

    select * from {{ source('raw', 'campaigns') }}

),

renamed as (

    select
        campaign_id,
        user_id,
        campaign_type,
        is_synthetic,
        started_at,
        ended_at

    from source

)

select * from renamed
