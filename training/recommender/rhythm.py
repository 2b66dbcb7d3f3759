"""When a user buys an item again: the gaps between purchases, and rates since the first one.

Pure numpy; one row per item that the user ever bought, in the order of :class:`Habits`. Two items
of one fading count differ in what a count cannot say: bought steadily or in a burst, early or
late in the user's time, and how far the usual gap has gone by (Bhagat et al., "Buy It Again",
KDD 2018, model repeat purchases by such gaps). A gap that never was is NaN.

Measured together with ``needs.py`` and ``repeats.py`` before week 49, against the ranker without
them (NDCG@10, 95 % by users drawn again): weeks 44 to 48 .2113 to .2138, +.0024 [-.0001, +.0049];
weeks 39 to 43 .2229 to .2238, +.0009 [-.0017, +.0034].
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.recommender.history import Columns, Purchases

RATE_DECAYS = (0.95, 0.98)  # per week; half-lives of 14 and 34 weeks
RATE_SHRINKAGE = 2.0  # baskets in which nothing was bought, added to a short acquaintance
PRESENT_WEEKS = (4, 8, 26)
_DAY = 1 / 7  # weeks; below it a gap is no gap
_BEST = 10  # the place that strengths are held against: a page shows ten

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Own:
    """Purchases by own item, oldest first within an item."""

    count: int  # own items
    place: Places  # own item of each purchase
    weeks_ago: Values
    baskets_ago: Values
    last: Places  # per item its latest purchase
    basket_weeks: Values  # weeks ago of each of the user's baskets, latest first


def rhythm(bought: Purchases, items: npt.NDArray[np.int32]) -> Columns:
    """Columns per own item; ``items`` are all that were bought, rising."""
    own = _by_item(bought, items)
    return _gaps(own) | _latest(bought, own) | _rates(own) | _presence(own)


def usual_gap(basket_weeks: Values) -> float:
    """Mean weeks between a user's baskets; 0 for a single one."""
    return float(np.ptp(basket_weeks)) / max(len(basket_weeks) - 1, 1)


def weeks_of_baskets(bought: Purchases) -> Values:
    """How long ago each basket was, latest first."""
    weeks = np.zeros(bought.basket_count)
    weeks[bought.baskets_ago] = bought.weeks_ago
    return weeks


def _by_item(bought: Purchases, items: npt.NDArray[np.int32]) -> _Own:
    place = np.searchsorted(items, bought.item)
    order = np.lexsort((-bought.weeks_ago, place))
    last = np.zeros(len(items), dtype=np.intp)
    last[place[order]] = order  # the last write is the latest purchase
    return _Own(
        count=len(items),
        place=place[order],
        weeks_ago=bought.weeks_ago[order].astype(np.float64),
        baskets_ago=bought.baskets_ago[order].astype(np.float64),
        last=last,
        basket_weeks=weeks_of_baskets(bought),
    )


def _gaps(own: _Own) -> Columns:
    """Spread and extremes of the gaps, and how the time since the last purchase compares."""
    is_again = own.place[1:] == own.place[:-1]
    of_item = own.place[1:][is_again]
    weeks = (own.weeks_ago[:-1] - own.weeks_ago[1:])[is_again]
    baskets = (own.baskets_ago[:-1] - own.baskets_ago[1:])[is_again]
    count = np.bincount(of_item, minlength=own.count)
    mean = _mean(of_item, weeks, count)
    spread = np.sqrt(np.maximum(_mean(of_item, weeks**2, count) - mean**2, 0))
    in_baskets = _mean(of_item, baskets, count)
    last = np.full(own.count, np.nan)
    last[of_item] = weeks
    since, since_baskets = _since(own)
    usual = usual_gap(own.basket_weeks)
    passed = np.bincount(of_item, weights=weeks <= since[of_item] + usual / 2, minlength=own.count)
    return {
        "gap_spread_weeks": spread,
        "gap_least_weeks": _extreme(np.minimum, of_item, weeks, own.count),
        "gap_most_weeks": _extreme(np.maximum, of_item, weeks, own.count),
        "gap_last_weeks": last,
        "gap_mean_baskets": in_baskets,
        "gap_ratio_baskets": (since_baskets + 1) / np.maximum(in_baskets, 0.5),
        "gap_ratio_next": (since + usual) / np.maximum(mean, _DAY),
        "gap_ratio_last": since / np.maximum(last, _DAY),
        "gap_spreads_late": (since - mean) / (spread + 0.5),
        "gap_share_passed": np.where(count > 0, (passed + 0.5) / (count + 1), np.nan),
    }


def _latest(bought: Purchases, own: _Own) -> Columns:
    """The latest purchase against the usual one: stocked up, cheap, on offer."""
    count = np.bincount(own.place, minlength=own.count)
    place = np.searchsorted(bought.item[own.last], bought.item)
    quantity = _mean(place, bought.quantity.astype(np.float64), count)
    price = _mean(place, bought.unit_price.astype(np.float64), count)
    return {
        "last_quantity": bought.quantity[own.last].astype(np.float64),
        "last_quantity_ratio": bought.quantity[own.last] / np.maximum(quantity, 0.1),
        "last_price_ratio": bought.unit_price[own.last] / np.maximum(price, 0.01),
        "last_discounted": bought.is_discounted[own.last].astype(np.float64),
    }


def _rates(own: _Own) -> Columns:
    """Share of baskets with the item, late ones weighing more: of all, and since its first."""
    first = np.zeros(own.count)
    np.maximum.at(first, own.place, own.weeks_ago)
    in_time = np.sort(own.basket_weeks)
    known = np.searchsorted(in_time, first, side="right") - 1
    found: Columns = {}
    for decay in RATE_DECAYS:
        name = f"{decay * 100:.0f}"
        weight = np.cumsum(decay**in_time)
        bought = np.bincount(own.place, weights=decay**own.weeks_ago, minlength=own.count)
        found[f"rate_{name}"] = bought / weight[-1]
        found[f"rate_since_first_{name}"] = bought / weight[known]
        found[f"rate_shrunk_{name}"] = bought / (weight[known] + RATE_SHRINKAGE)
    return found


def _presence(own: _Own) -> Columns:
    """In how many of the latest weeks, and how strong beside the user's tenth strongest item."""
    week = np.floor(own.weeks_ago).astype(np.int64)
    is_new = np.ones(len(week), dtype=np.bool_)
    is_new[1:] = (week[1:] != week[:-1]) | (own.place[1:] != own.place[:-1])
    found: Columns = {}
    for weeks in PRESENT_WEEKS:
        inside = own.place[is_new & (week < weeks)]
        found[f"weeks_of_{weeks}"] = np.bincount(inside, minlength=own.count).astype(np.float64)
    strength = np.bincount(own.place, weights=RATE_DECAYS[0] ** own.weeks_ago, minlength=own.count)
    tenth = np.sort(strength)[-min(_BEST, own.count)]
    found["strength_to_tenth"] = strength / tenth
    return found


def _since(own: _Own) -> tuple[Values, Values]:
    since = np.full(own.count, np.inf)
    np.minimum.at(since, own.place, own.weeks_ago)
    baskets = np.full(own.count, np.inf)
    np.minimum.at(baskets, own.place, own.baskets_ago)
    return since, baskets


def _mean(place: Places, values: Values, count: npt.NDArray[np.intp]) -> Values:
    total = np.bincount(place, weights=values, minlength=len(count))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _extreme(of: np.ufunc, place: Places, values: Values, count: int) -> Values:
    start = np.inf if of is np.minimum else -np.inf
    found = np.full(count, start)
    of.at(found, place, values)
    return np.where(np.isfinite(found), found, np.nan)
