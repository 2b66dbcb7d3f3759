"""Searches that led to a purchase, from an open warehouse: what queries mean to this shop.

    sold = sold_queries(connection)
    examples_of(sold, titles, level="category"); asked_of(sold)

A purchase counts for a search where the search showed the item and it was bought in the same
session. Simulated searches count too: until a shop logs its own, they are all there is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from training.keywords.model import Asked
from training.query_category.model import Examples

Level = Literal["department", "category", "product_type"]

SOLD_QUERIES_SQL = """
select
    searches.query, shown.item_id, items.department, items.category, items.product_type,
    count(distinct shown.session_id) as purchases
from fct_searches as searches
inner join fct_events as shown
    on searches.query_id = shown.query_id and shown.event_type = 'impression'
inner join fct_events as bought
    on
        shown.session_id = bought.session_id
        and shown.item_id = bought.item_id
        and bought.event_type = 'purchase'
inner join dim_items as items on shown.item_id = items.item_id
group by all
order by searches.query, shown.item_id
"""
TITLES_SQL = """
select distinct title, department, category, product_type
from dim_items
where title is not null
order by all
"""


@dataclass(frozen=True)
class SoldQuery:
    """``purchases`` of one item after one query; levels from coarse to fine, "" where unknown."""

    query: str
    item_id: str
    department: str
    category: str
    product_type: str
    purchases: int


@dataclass(frozen=True)
class ListedTitle:
    """A title and where the catalogue lists it."""

    query: str
    department: str
    category: str
    product_type: str


def sold_queries(warehouse: duckdb.DuckDBPyConnection) -> list[SoldQuery]:
    """Every query and item that it sold."""
    rows = warehouse.sql(SOLD_QUERIES_SQL).fetchall()
    return [
        SoldQuery(query, item, department or "", category or "", product_type or "", purchases)
        for query, item, department, category, product_type, purchases in rows
    ]


def listed_titles(warehouse: duckdb.DuckDBPyConnection) -> list[ListedTitle]:
    """The distinct titles of each place in the catalogue."""
    rows = warehouse.sql(TITLES_SQL).fetchall()
    return [ListedTitle(*(one or "" for one in row)) for row in rows]


def examples_of(
    sold: Sequence[SoldQuery], titles: Sequence[ListedTitle] = (), *, level: Level
) -> Examples:
    """Titles with their category, and each query with the category that it sold most of."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in sold:
        if place := getattr(one, level):
            counts[one.query][place] += one.purchases
    pairs = {(title.query, getattr(title, level)) for title in titles}
    pairs |= {
        (query, max(sorted(places), key=lambda place: places[place]))
        for query, places in counts.items()
    }
    known = sorted((text, place) for text, place in pairs if text and place)
    return Examples(tuple(text for text, _ in known), tuple(place for _, place in known))


def asked_of(sold: Sequence[SoldQuery]) -> list[Asked]:
    """The same searches as keyword optimisation asks for them: a query and what it sold."""
    bought: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in sold:
        bought[one.query][one.item_id] += one.purchases
    return [Asked(query, dict(items)) for query, items in sorted(bought.items())]
