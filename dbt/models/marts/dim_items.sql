with items as (

    select * from {{ ref('stg_raw__items') }}

),

-- A shop lists its prices in the one currency that it sells in.
shop_currency as (

    select
        case
            when min(currency) = max(currency) then max(currency)
        end as currency

    from {{ ref('stg_raw__order_lines') }}

),

final as (

    select
        items.item_id,
        items.manufacturer_id,
        items.title,
        items.description,
        items.brand,
        {%- for level in ['department', 'category', 'product_type'] %}
        nullif(
            {{ dbt.split_part('items.category_path', "' > '", loop.index) }}, ''
        ) as {{ level }},
        {%- endfor %}
        items.category_path,
        items.package_size,
        items.price_listed
            * {{ usd_per_unit('shop_currency.currency') }} as price_listed_usd,
        items.is_synthetic,
        items.listed_at

    from items
    cross join shop_currency

)

select * from final
