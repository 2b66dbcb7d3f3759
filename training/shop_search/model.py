"""What a server needs of a shop's search: opening it, finding, completing, one shopper's order.

shop = open_shop_search(bundles_dir / "search")
found = shop.find("kyboard under $50", count=10)
found.hits, found.corrected_query, found.read, found.steps
shop.help.complete("wirel")
"""

from training.query_help.filters import Filter
from training.query_help.model import Completion
from training.shop_search.finding import Found, ShopSearch
from training.shop_search.personal import personal_order
from training.shop_search.shop_search_file import open_shop_search

__all__ = [
    "Completion", "Filter", "Found", "ShopSearch", "open_shop_search", "personal_order",
]  # fmt: skip
