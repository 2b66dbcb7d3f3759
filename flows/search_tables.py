"""What a shop's search is built from, as SQL over the warehouse's own tables."""

ITEMS_SQL = """
select
    item_id, title, description, brand, department, category, product_type, package_size,
    price_listed_usd::double as price
from dim_items
order by item_id
"""

# Opened, put in the cart or bought after a search; shown is not clicked.
SEARCHES_SQL = """
with clicks as (
    select query_id, list(distinct item_id order by item_id) as clicked
    from fct_events
    where query_id is not null and event_type <> 'impression'
    group by query_id
)

select
    searches.session_id, searches.user_id, searches.query, clicks.clicked,
    searches.is_synthetic, searches.searched_at
from fct_searches as searches
left join clicks using (query_id)
order by searches.searched_at, searches.query_id
"""

# An item of a list that was opened, and where it stood.
CLICKS_SQL = """
select
    searches.query, events.item_id, events.position, epoch(events.event_at) as clicked_at,
    events.is_synthetic
from fct_events as events
inner join fct_searches as searches using (query_id)
where events.event_type = 'view' and events.position >= 1
order by events.event_at, events.event_id
"""

# Of lists in random order: what was shown and opened, from position 1 on without a gap.
SHUFFLED_SQL = """
with positions as (
    select
        position,
        count(*) filter (where event_type = 'impression') as shown,
        count(*) filter (where event_type = 'view') as clicked
    from fct_events
    where query_id is not null and request_id like '%-shuffled' and position >= 1
    group by position
)

select position, shown, clicked
from positions
qualify position = row_number() over (order by position) and shown > 0
order by position
"""

# By orders; an item that two orders have sells better than two pieces in one.
POPULAR_SQL = """
with sold as (
    select item_id, count(distinct order_id) as orders
    from fct_order_lines
    where not is_return
    group by item_id
),

named as (
    select
        sold.item_id, sold.orders,
        coalesce(items.product_type, items.category, items.department, '') as category
    from sold
    inner join dim_items as items using (item_id)
),

levels as (
    select category, item_id, orders from named where category <> ''
    union all
    select '' as category, item_id, orders from named
)

select category, item_id
from levels
qualify row_number() over (partition by category order by orders desc, item_id) <= {most}
order by category, orders desc, item_id
"""
