with order_lines as (

    select * from {{ ref('stg_raw__order_lines') }}

),

rated as (

    select
        *,
        {{ usd_per_unit('currency') }} as usd_per_unit

    from order_lines

),

priced as (

    select
        {{ dbt.concat([
            'order_id', "'-'",
            'cast(line_number as ' ~ dbt.type_string() ~ ')',
        ]) }} as order_line_id,
        order_id,
        user_id,
        item_id,
        store_id,
        channel,
        quantity,
        unit_price * usd_per_unit as unit_price_usd,
        {{ rounded_usd('discount * usd_per_unit') }} as discount_usd,
        {{ rounded_usd(
            '(quantity * unit_price - discount) * usd_per_unit'
        ) }} as paid_usd,
        quantity < 0 as is_return,
        user_id is null as is_guest,
        is_synthetic,
        ordered_at,
        cast(ordered_at as date) as order_date

    from rated

)

select * from priced
