"""What all customers say of an item: how much it sells now, and how often buyers come back to it.

Pure numpy. Counts over short windows come to the ranker from the feature store; here are only
what the store does not hold: repeat behaviour, shares and prices within a category, how lately
anybody got hold of it (a shop without stock levels says no more), and the popular list.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.metrics import distinct_baskets, known_users
from training.recommender.history import Columns, Purchases
from training.shop_data import Floats, Ints, Lines
from training.windows import WEEK_US

MONTH_WEEKS = 4
PRICE_WEEKS = 12  # prices of before say little of what a category costs now
POPULAR_RANK = 100  # "popular this month" means among the first hundred


@dataclass(frozen=True)
class PopularConfig:
    """Knobs; their effects are in ``recommender.yaml``."""

    weekly_decay: float = 0.7  # a half-life of two weeks follows the season


@dataclass(frozen=True)
class Assortment:
    """One value per item of the catalogue, and the category codes of each item (items, levels)."""

    popularity: Floats  # fading count of baskets
    week_count: Floats
    month_count: Floats
    month_rank: Ints  # 0 = in most baskets of the last four weeks
    repeat_rate: Floats  # share of buyers who bought again, smoothed
    baskets_per_buyer: Floats
    trend: Floats  # baskets in two weeks against the mean of twelve
    weeks_since_sold: Floats  # inf: never
    price_position: Floats  # 0 to 1: cheap to dear among its finest category; NaN: no price of late
    category_share: Floats  # (items, levels): the item's share of its category's fading count
    categories: Ints

    @property
    def item_count(self) -> int:
        return len(self.popularity)


def take_stock(
    lines: Lines, categories: Ints, *, cutoff_us: int, config: PopularConfig
) -> Assortment:
    """The assortment known at ``cutoff_us``; ``lines`` must all be earlier."""
    baskets = distinct_baskets(lines)
    weeks_ago = (cutoff_us - baskets.at_us) / WEEK_US
    fading = _count(baskets, categories, config.weekly_decay**weeks_ago)
    month = _count(baskets, categories, weeks_ago < MONTH_WEEKS)
    buyers, repeaters, bought = _repeats(known_users(baskets), len(categories))
    two_weeks = _count(baskets, categories, weeks_ago < 2)
    twelve_weeks = _count(baskets, categories, weeks_ago < 12)
    rank = np.empty(len(categories), dtype=np.int32)
    rank[np.argsort(-month, kind="stable")] = np.arange(len(categories), dtype=np.int32)
    return Assortment(
        popularity=fading.astype(np.float32),
        week_count=_count(baskets, categories, weeks_ago < 1).astype(np.float32),
        month_count=month.astype(np.float32),
        month_rank=rank,
        repeat_rate=((repeaters + 1) / (buyers + 10)).astype(np.float32),
        baskets_per_buyer=((bought + 5) / (buyers + 5)).astype(np.float32),
        trend=((two_weeks + 1) / (twelve_weeks / 6 + 1)).astype(np.float32),
        weeks_since_sold=_least(baskets, weeks_ago, len(categories)).astype(np.float32),
        price_position=_price_positions(baskets.where(weeks_ago < PRICE_WEEKS), categories[:, -1]),
        category_share=_category_shares(fading, categories),
        categories=categories,
    )


def item_columns(stock: Assortment, items: Ints) -> Columns:
    """The assortment's columns for candidate items."""
    names = (
        "popularity", "week_count", "month_count", "repeat_rate", "baskets_per_buyer", "trend",
        "weeks_since_sold", "price_position",
    )  # fmt: skip
    found: Columns = {f"item_{n}": getattr(stock, n)[items].astype(np.float64) for n in names}
    for level in range(stock.categories.shape[1]):
        found[f"item_share_of_level_{level}"] = stock.category_share[items, level].astype(float)
    return found


def category_columns(
    stock: Assortment, bought: Purchases, items: Ints, *, weekly_decay: float
) -> Columns:
    """How much and how lately the user bought from each candidate's categories."""
    weights = weekly_decay ** bought.weeks_ago.astype(np.float64)
    found: Columns = {}
    for level in range(stock.categories.shape[1]):
        codes = stock.categories[:, level]
        count = int(codes.max(initial=0)) + 1
        own = codes[bought.item]
        strength = np.bincount(own, weights=weights, minlength=count).astype(np.float64)
        last = np.full(count, np.inf)
        np.minimum.at(last, own, bought.weeks_ago)
        found[f"category_strength_level_{level}"] = strength[codes[items]]
        found[f"category_weeks_since_level_{level}"] = last[codes[items]]
    return found


def _count(
    baskets: Lines, categories: Ints, weights: npt.NDArray[np.generic]
) -> npt.NDArray[np.float64]:
    counts = np.bincount(baskets.item, weights=weights, minlength=len(categories))
    return counts.astype(np.float64)


def _repeats(baskets: Lines, item_count: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Per item its buyers, those of them who bought it again, and its baskets."""
    keys = baskets.user.astype(np.int64) * item_count + baskets.item
    pairs, times = np.unique(keys, return_counts=True)
    item = pairs % item_count
    return (
        np.bincount(item, minlength=item_count),
        np.bincount(item[times > 1], minlength=item_count),
        np.bincount(item, weights=times, minlength=item_count).astype(np.int64),
    )


def _least(
    baskets: Lines, values: npt.NDArray[np.floating], item_count: int
) -> npt.NDArray[np.float64]:
    found = np.full(item_count, np.inf)
    np.minimum.at(found, baskets.item, values)
    return found


def _price_positions(baskets: Lines, category: Ints) -> Floats:
    """Share of the category's priced items that cost less, an item itself counting half."""
    count = np.bincount(baskets.item, minlength=len(category))
    paid = np.bincount(baskets.item, weights=baskets.unit_price, minlength=len(category))
    priced = np.flatnonzero(count)
    price, of = paid[priced] / count[priced], category[priced]
    order = np.lexsort((price, of))
    start = np.searchsorted(of[order], of[order])
    size = np.bincount(of, minlength=1)[of[order]]
    found = np.full(len(category), np.nan, dtype=np.float32)
    found[priced[order]] = (np.arange(len(order)) - start + 0.5) / size
    return found


def _category_shares(fading: npt.NDArray[np.float64], categories: Ints) -> Floats:
    shares = []
    for level in range(categories.shape[1]):
        total = np.bincount(categories[:, level], weights=fading)
        shares.append(fading / np.maximum(total[categories[:, level]], 1e-9))
    return np.column_stack(shares).astype(np.float32)
