with items as (

    select * from {{ ref('stg_raw__items') }}

),

titles as (

    select * from {{ ref('stg_texts__items') }}

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

-- A shop that does not say since when it lists an item had all of them before
-- its first order: a title is no outcome of a sale.
titled as (

    select
        titles.*,
        coalesce(
            items.listed_at,
            cast(
                {{ dbt.dateadd('day', -1, 'bounds.first_order_date') }}
                as {{ dbt.type_timestamp() }}
            )
        ) as known_at

    from titles
    inner join items on titles.item_id = items.item_id
    cross join bounds

)

select * from titled
