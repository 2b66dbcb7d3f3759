"""What was read from a query's words, as the filters of an index. Pure.

What the request filters by holds always and comes first: a brand read from the words does not widen
or undo the brand that was ticked. Prices of both are intersected.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from training.query_help.filters import ALIKE, BRAND, CATEGORY, PRICE, STOCK, Filter
from training.text_search.filters import Between, Filters


def with_read(given: Filters, read: Iterable[Filter]) -> Filters:
    """The request's filters, narrowed by those read from its words."""
    found = given
    for one in read:
        found = _narrowed(found, one, given)
    return found


def _narrowed(found: Filters, one: Filter, given: Filters) -> Filters:
    if one.field == STOCK:
        return replace(found, is_in_stock=True)
    if one.field == PRICE:
        return replace(found, price=_both(found.price, _between(one)))
    if one.field == BRAND:
        return found if given.brands else replace(found, brands=(*found.brands, str(one.value)))
    if one.field == CATEGORY:
        names = (*found.categories, str(one.value))
        return found if given.categories else replace(found, categories=names)
    if one.field in given.attributes:
        return found
    wanted = _between(one) if _is_number(one.value) else one.value
    return replace(found, attributes={**found.attributes, one.field: wanted})


def _between(one: Filter) -> Between:
    """``<`` and ``>`` leave their own number out; an equal number may be rounded."""
    value = float(one.value)
    if one.op == "=":
        return Between(value - ALIKE * abs(value), value + ALIKE * abs(value))
    if one.op in ("<", "<="):
        return Between(high=value if one.op == "<=" else math.nextafter(value, -math.inf))
    return Between(low=value if one.op == ">=" else math.nextafter(value, math.inf))


def _both(one: Between | None, other: Between) -> Between:
    if one is None:
        return other
    return Between(max(one.low, other.low), min(one.high, other.high))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
