with promotions as (

    select * from {{ ref('stg_raw__promotions') }}

),

-- A store may have several displays. Two plain groupings take a third of the
-- time of three distinct counts over the 20.9 M rows of Complete Journey.
by_store as (

    select
        item_id,
        store_id,
        started_at,
        max(ended_at) as ended_at,
        max(case when display_location is not null then 1 else 0 end)
            as display_count,
        max(case when mailer_location is not null then 1 else 0 end)
            as mailer_count,
        min(is_synthetic) as is_synthetic

    from promotions
    where
        display_location is not null
        or mailer_location is not null
    group by item_id, store_id, started_at

),

counted as (

    select
        item_id,
        count(*) as store_count,
        cast(sum(display_count) as {{ dbt.type_bigint() }})
            as display_store_count,
        cast(sum(mailer_count) as {{ dbt.type_bigint() }})
            as mailer_store_count,
        min(is_synthetic) as is_synthetic,
        started_at,
        max(ended_at) as ended_at

    from by_store
    group by item_id, started_at

)

select * from counted
