"""What each user bought and when, as the recommender remembers it, and what that says of an item.

Pure numpy. One user's purchases are a slice of three arrays; :func:`habits` turns that slice into
one row per item ever bought: how often, how lately, how regularly. The same function feeds the
ranker in training and in serving, and its numbers are what reasons quote.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from training.metrics import distinct_baskets, known_users
from training.shop_data import Bools, Floats, Ints, Lines, Longs
from training.windows import WEEK_US

Columns = dict[str, npt.NDArray[np.float64]]

WEEKLY_DECAYS = (0.85, 0.95, 0.99)  # half-lives of 4, 14 and 69 weeks
BASKET_DECAYS = (0.7, 0.9, 0.97)  # half-lives of 2, 7 and 23 baskets
RECENT_BASKETS = (3, 5, 10, 20)
HABIT = "basket_decayed_97"  # of these the best single ranking on the validation window
RECENCY = "week_decayed_85"  # strength of a history item in co-visitation
FADING = "week_decayed_95"  # the floor that the ranker has to beat


@dataclass(frozen=True)
class History:
    """Distinct (basket, item) purchases per user; user u owns ``starts[u]:starts[u + 1]``."""

    starts: Longs
    item: Ints
    baskets_ago: Ints  # 0 = the user's latest basket
    weeks_ago: Floats
    quantity: Floats
    unit_price: Floats
    is_discounted: Bools

    @property
    def user_count(self) -> int:
        return len(self.starts) - 1

    def of(self, user: int) -> "Purchases":
        part = slice(int(self.starts[user]), int(self.starts[user + 1]))
        return Purchases(*(getattr(self, column.name)[part] for column in fields(Purchases)))


@dataclass(frozen=True)
class Purchases:
    """One user's slice of the history, oldest first."""

    item: Ints
    baskets_ago: Ints
    weeks_ago: Floats
    quantity: Floats
    unit_price: Floats
    is_discounted: Bools

    @property
    def basket_count(self) -> int:
        return int(self.baskets_ago.max(initial=-1)) + 1


@dataclass(frozen=True)
class Habits:
    """One row per item that the user ever bought: ``items`` rising, one array per column."""

    items: Ints
    columns: Columns


def remember(lines: Lines, *, user_count: int, cutoff_us: int) -> History:
    """The history known at ``cutoff_us``; ``lines`` must all be earlier."""
    baskets = distinct_baskets(known_users(lines))
    starts = np.searchsorted(baskets.user, np.arange(user_count + 1))
    return History(
        starts=starts.astype(np.int64),
        item=baskets.item,
        baskets_ago=_baskets_ago(baskets),
        weeks_ago=((cutoff_us - baskets.at_us) / WEEK_US).astype(np.float32),
        quantity=baskets.quantity,
        unit_price=baskets.unit_price,
        is_discounted=baskets.is_discounted,
    )


def _baskets_ago(baskets: Lines) -> Ints:
    """Per line how many later baskets its user has; lines are by user and time."""
    is_new = np.ones(len(baskets.order), dtype=np.bool_)
    is_new[1:] = baskets.order[1:] != baskets.order[:-1]
    number = np.cumsum(is_new)
    last = np.searchsorted(baskets.user, baskets.user, side="right") - 1
    return (number[last] - number).astype(np.int32)


def habits(bought: Purchases) -> Habits:
    """How often, how lately and how regularly the user bought each of their items."""
    items, place = np.unique(bought.item, return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    columns: Columns = {"basket_count": count}
    for decay in WEEKLY_DECAYS:
        columns[f"week_decayed_{decay * 100:.0f}"] = _sums(place, decay**bought.weeks_ago)
    for decay in BASKET_DECAYS:
        columns[f"basket_decayed_{decay * 100:.0f}"] = _sums(place, decay**bought.baskets_ago)
    for recent in RECENT_BASKETS:
        columns[f"in_last_{recent}"] = _sums(place, bought.baskets_ago < recent)
    columns["mean_quantity"] = _sums(place, bought.quantity) / count
    columns["mean_price"] = _sums(place, bought.unit_price) / count
    columns["share_discounted"] = _sums(place, bought.is_discounted) / count
    return Habits(items.astype(np.int32), columns | _rhythm(bought, place, count))


def _sums(place: npt.NDArray[np.intp], weights: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    return np.bincount(place, weights=weights).astype(np.float64)


def _rhythm(
    bought: Purchases, place: npt.NDArray[np.intp], count: npt.NDArray[np.float64]
) -> Columns:
    """First and last time, the mean gap between, and how overdue the item is."""
    last, first = np.full(len(count), np.inf), np.zeros(len(count))
    np.minimum.at(last, place, bought.weeks_ago)
    np.maximum.at(first, place, bought.weeks_ago)
    last_basket, first_basket = np.full(len(count), np.inf), np.zeros(len(count))
    np.minimum.at(last_basket, place, bought.baskets_ago)
    np.maximum.at(first_basket, place, bought.baskets_ago)
    gap = np.where(count > 1, (first - last) / np.maximum(count - 1, 1), np.nan)
    return {
        "weeks_since_last": last,
        "weeks_since_first": first,
        "baskets_since_last": last_basket,
        "mean_gap_weeks": gap,
        "gap_ratio": last / np.maximum(gap, 0.1),
        "share_of_baskets": count / max(bought.basket_count, 1),
        "share_since_first": count / (first_basket + 1),
    }
