with counts as (

    select * from {{ ref('stg_raw__stock') }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by item_id, cast(snapshot_at as date)
            order by snapshot_at desc
        ) as place_from_last

    from counts

),

closed as (

    select
        item_id,
        on_hand,
        cast(snapshot_at as date) as snapshot_date,
        snapshot_at

    from numbered
    where place_from_last = 1

)

select * from closed
