"""How regular and how strong a habit is: rates, gaps gone by, and the place among all habits.

Pure numpy; one row per item that the user ever bought, in the order of :class:`Habits`. Two items
of one fading count differ in what a count cannot say: bought steadily or in a burst, and how far
the usual gap has gone by (Bhagat et al., "Buy It Again", KDD 2018). A gap that never was is NaN.

Measured together with ``needs.py`` and ``repeats.py`` before week 49, against the ranker without
them (NDCG@10, 95 % by users drawn again, same trees): weeks 44 to 48 .2122 to .2138, weeks 39 to
43 .2237 to .2259. Forty further columns of the same kind (spreads, extremes, weekday, size of the
basket) brought nothing more.
"""

import numpy as np
import numpy.typing as npt

from training.recommender.history import Columns, Purchases

RATE_DECAYS = (0.95, 0.98)  # per week; half-lives of 14 and 34 weeks
_BEST = 10  # the place that strengths are held against: a page shows ten

Values = npt.NDArray[np.float64]


def rhythm(bought: Purchases, items: npt.NDArray[np.int32]) -> Columns:
    """Columns per own item; ``items`` are all that were bought, rising."""
    place = np.searchsorted(items, bought.item)
    found = _rates(bought, place, len(items))
    strength = found["rate_95"]
    found["strength_to_tenth"] = strength / np.sort(strength)[-min(_BEST, len(items))]
    return found | _since_last(bought, place, len(items))


def usual_gap(basket_weeks: Values) -> float:
    """Mean weeks between a user's baskets; 0 for a single one."""
    return float(np.ptp(basket_weeks)) / max(len(basket_weeks) - 1, 1)


def weeks_of_baskets(bought: Purchases) -> Values:
    """How long ago each basket was, latest first."""
    weeks = np.zeros(bought.basket_count)
    weeks[bought.baskets_ago] = bought.weeks_ago
    return weeks


def _rates(bought: Purchases, place: npt.NDArray[np.intp], count: int) -> Columns:
    """Share of the user's baskets that hold the item, late ones weighing more."""
    found: Columns = {}
    for decay in RATE_DECAYS:
        held = np.bincount(place, weights=decay**bought.weeks_ago, minlength=count)
        found[f"rate_{decay * 100:.0f}"] = held / (decay ** weeks_of_baskets(bought)).sum()
    return found


def _since_last(bought: Purchases, place: npt.NDArray[np.intp], count: int) -> Columns:
    """Of the latest purchase: how many gaps are shorter than the time since, and the quantity."""
    order = np.lexsort((-bought.weeks_ago, place))  # by item, oldest first
    last = np.zeros(count, dtype=np.intp)
    last[place[order]] = order  # the last write is the latest purchase
    own, weeks = place[order], bought.weeks_ago[order].astype(np.float64)
    is_again = own[1:] == own[:-1]
    item, gap = own[1:][is_again], (weeks[:-1] - weeks[1:])[is_again]
    by_next = bought.weeks_ago[last] + usual_gap(weeks_of_baskets(bought)) / 2
    passed = np.bincount(item, weights=gap <= by_next[item], minlength=count)
    gaps = np.bincount(item, minlength=count)
    return {
        "gap_share_passed": np.where(gaps > 0, (passed + 0.5) / (gaps + 1), np.nan),
        "last_quantity": bought.quantity[last].astype(np.float64),
    }
