"""Complete Journey as raw tables, in SQL: one SELECT per table, a placeholder per source file.

Beside complete_journey.py, which says why each column is made as it is.
"""

TIME_ZONE = "America/New_York"
FIRST_MONDAY = "2016-12-26"  # week 1 begins here, so that each week is seven days


def _utc(local: str) -> str:
    """SQL: a naive local time as naive UTC."""
    return f"timezone('UTC', timezone('{TIME_ZONE}', {local}))"


_USERS = """
with seen as (
    select household_id from {transactions}
    union
    select household_id from {demographics}
    union
    select household_id from {campaigns}
    union
    select household_id from {coupon_redemptions}
)

select
    seen.household_id::varchar as user_id,
    null::varchar as country,
    known.age as age_band,
    known.income as income_band,
    known.household_size,
    known.household_comp as household_composition,
    known.home_ownership,
    known.marital_status,
    known.kids_count as kid_count,
    false as is_synthetic
from seen
left join {demographics} as known using (household_id)
order by seen.household_id
"""

_ITEMS = """
with prices as (
    select
        product_id,
        arg_max(
            (sales_value + retail_disc + coupon_match_disc) / quantity,
            (transaction_timestamp, basket_id)
        ) filter (
            quantity > 0
            and sales_value + retail_disc + coupon_match_disc > 0
        ) as price
    from {transactions}
    group by product_id
),

ids as (
    select product_id from {products}
    union
    select product_id from prices
    union
    select product_id from {coupons}
)

select
    ids.product_id::varchar as item_id,
    coalesce(
        listed.product_type,
        listed.product_category,
        listed.department,
        'Unlisted product ' || ids.product_id
    ) as title,
    null::varchar as description,
    listed.brand,
    case
        when listed.product_type is not null then concat_ws(
            ' > ',
            listed.department,
            coalesce(listed.product_category, listed.department),
            listed.product_type
        )
        else nullif(
            concat_ws(' > ', listed.department, listed.product_category),
            ''
        )
    end as category_path,
    listed.manufacturer_id::varchar as manufacturer_id,
    listed.package_size,
    prices.price as price_listed,
    null::timestamp as listed_at,
    false as is_synthetic
from ids
left join {products} as listed using (product_id)
left join prices using (product_id)
order by ids.product_id
"""

_ORDER_LINES = """
with numbered as (
    select *, row_number() over () as source_row
    from {transactions}
)

select
    basket_id::varchar as order_id,
    row_number() over (
        partition by basket_id
        order by source_row
    ) as line_number,
    household_id::varchar as user_id,
    product_id::varchar as item_id,
    quantity,
    case
        when quantity <> 0
            then (sales_value + retail_disc + coupon_match_disc) / quantity
    end as unit_price,
    retail_disc + coupon_match_disc + coupon_disc as discount,
    'USD' as currency,
    transaction_timestamp as ordered_at,
    'store' as channel,
    store_id::varchar as store_id,
    false as is_synthetic
from numbered
order by transaction_timestamp, basket_id, line_number
"""

_CAMPAIGNS = f"""
select
    sent.campaign_id::varchar as campaign_id,
    sent.household_id::varchar as user_id,
    described.campaign_type,
    {_utc("described.start_date")} as started_at,
    {_utc("described.end_date + interval 1 day")} as ended_at,
    false as is_synthetic
from {{campaigns}} as sent
left join {{campaign_descriptions}} as described using (campaign_id)
order by sent.campaign_id, sent.household_id
"""

_COUPONS = """
select
    coupon_upc::varchar as coupon_id,
    product_id::varchar as item_id,
    campaign_id::varchar as campaign_id,
    false as is_synthetic
from {coupons}
order by coupon_upc, product_id, campaign_id
"""

_REDEMPTIONS = f"""
select
    coupon_upc::varchar as coupon_id,
    household_id::varchar as user_id,
    campaign_id::varchar as campaign_id,
    {_utc("redemption_date")} as redeemed_at,
    false as is_synthetic
from {{coupon_redemptions}}
order by redeemed_at, user_id, coupon_id
"""

_PROMOTIONS = f"""
with numbers as (
    select distinct week
    from {{promotions}}
),

weeks as (
    select
        week,
        {_utc(f"date '{FIRST_MONDAY}' + to_days(7 * (week::int - 1))")} as started_at,
        {_utc(f"date '{FIRST_MONDAY}' + to_days(7 * week::int)")} as ended_at
    from numbers
)

select
    shown.product_id::varchar as item_id,
    shown.store_id::varchar as store_id,
    shown.display_location,
    shown.mailer_location,
    weeks.started_at,
    weeks.ended_at,
    false as is_synthetic
from {{promotions}} as shown
inner join weeks using (week)
"""

SQL = {
    "users": _USERS,
    "items": _ITEMS,
    "order_lines": _ORDER_LINES,
    "campaigns": _CAMPAIGNS,
    "coupons": _COUPONS,
    "redemptions": _REDEMPTIONS,
    "promotions": _PROMOTIONS,
}
