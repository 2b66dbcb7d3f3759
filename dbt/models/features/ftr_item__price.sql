{%- set measures = {
    'sale_day_count': [0],
    'quantity': [28, 90],
    'shelf_cents': [28, 90],
    'discount_cents': [28],
    'promotion_store_count': [7],
} -%}

with order_lines as (

    select
        *,
        cast(ordered_at as date) as day,
        {{ cents('paid_usd') }} + {{ cents('discount_usd') }} as shelf_cents,
        {{ cents('discount_usd') }} as discount_cents

    from {{ ref('fct_order_lines') }}
    where not is_return

),

promotions as (

    select * from {{ ref('fct_promotions') }}

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

daily as (

    select
        item_id,
        day,
        1 as sale_day_count,
        sum(quantity) as quantity,
        sum(shelf_cents) as shelf_cents,
        sum(discount_cents) as discount_cents,
        0 as promotion_store_count

    from order_lines
    group by item_id, day

    union all

    select
        item_id,
        cast(started_at as date) as day,
        0 as sale_day_count,
        0 as quantity,
        0 as shelf_cents,
        0 as discount_cents,
        store_count as promotion_store_count

    from promotions

),

deltas as (
    {{ window_deltas('daily', 'item_id', 'day', measures) }}
),

totals as (
    {{ window_totals('deltas', 'item_id', measures) }}
),

-- The last line of each day on which the item sold; the line id breaks ties.
closing_lines as (

    select
        item_id,
        day,
        unit_price_usd,
        row_number() over (
            partition by item_id, day
            order by ordered_at desc, order_line_id desc
        ) as place_from_last

    from order_lines

),

-- Numbered, so that a total of sale days names the price that closed the last.
closing_prices as (

    select
        item_id,
        unit_price_usd,
        row_number() over (
            partition by item_id order by day
        ) as sale_day_count

    from closing_lines
    where place_from_last = 1

),

features as (

    select
        totals.item_id,
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        coalesce(closing_prices.unit_price_usd, 0) as item__price_last_usd,
        {{ mean(as_usd('shelf_cents_28d'), 'quantity_28d') }}
            as item__price_mean_usd_28d,
        {{ mean(as_usd('shelf_cents_90d'), 'quantity_90d') }}
            as item__price_mean_usd_90d,
        {{ rate('discount_cents_28d', 'shelf_cents_28d') }}
            as item__discount_rate_28d,
        promotion_store_count_7d as item__promotion_store_count_7d

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of
    left join closing_prices
        on totals.item_id = closing_prices.item_id
        and totals.sale_day_count = closing_prices.sale_day_count
    {{ where_rebuilt_feature('totals.event_timestamp') }}

)

select * from features
