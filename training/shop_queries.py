"""What training asks of the warehouse: sold lines, the lines that judge, items, impressions.

``training/shop_data.py`` runs them; their digests are in every training set's manifest.
"""

LINES_SQL = """
select
    user_id, order_id, item_id, epoch_us(ordered_at) as at_us,
    quantity, unit_price_usd as unit_price, discount_usd > 0 as is_discounted
from fct_order_lines
where quantity > 0 and unit_price_usd > 0 and not is_synthetic
order by user_id nulls first, ordered_at, order_id, item_id
"""
JUDGE_SQL = """
select
    user_id, order_id, item_id, epoch_us(ordered_at) as at_us,
    quantity, unit_price, discount > 0 as is_discounted
from {relation}
where quantity >= 0 and not is_synthetic
order by user_id nulls first, ordered_at, order_id, item_id
"""
ITEMS_SQL = """
select item_id, title, department, category, product_type
from dim_items
order by item_id
"""
IMPRESSIONS_SQL = """
with acts as (
    select
        session_id, item_id,
        bool_or(event_type = 'view') as is_clicked,
        bool_or(event_type = 'cart') as is_carted,
        bool_or(event_type = 'purchase') as is_bought
    from fct_events
    where event_type in ('view', 'cart', 'purchase')
    group by session_id, item_id
),

logged as (
    select
        coalesce(bool_or(is_clicked), false) as has_clicks,
        coalesce(bool_or(is_carted), false) as has_carts
    from acts
)

select
    events.user_id, events.item_id, events.derived_from_order_id as order_id,
    epoch_us(events.event_at) as at_us, events.is_synthetic,
    coalesce(acts.is_bought, false) as is_bought,
    if(logged.has_clicks, coalesce(acts.is_clicked, false), null) as is_clicked,
    if(logged.has_carts, coalesce(acts.is_carted, false), null) as is_carted
from fct_events as events
cross join logged
left join acts
    on events.session_id = acts.session_id and events.item_id = acts.item_id
where events.event_type = 'impression' and events.user_id is not null
order by events.user_id, events.event_at, events.item_id, events.event_id
"""
