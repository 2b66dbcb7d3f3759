"""What kinds of things a user buys, how often, and what part of a kind each item is.

Pure numpy. An item may be new or rare to the user while its kind is due every week; and of two
steady items of one kind, the one bought last tends to have replaced the other. A kind is a code of
one category level.
"""

import numpy as np
import numpy.typing as npt

from training.recommender.history import Columns, Purchases
from training.recommender.rhythm import usual_gap, weeks_of_baskets
from training.shop_data import Ints

KIND_DECAY = 0.95  # per week, of how often a kind is bought
CHOICE_DECAY = 0.9  # per week, of which item of a kind is bought
RECENT_BASKETS = 10
SMALL_BASKET = 3  # items
_DAY = 1 / 7  # weeks


def need_columns(bought: Purchases, items: Ints, kinds: Ints, *, name: str) -> Columns:
    """For candidate items: the rhythm of each one's kind and the item's part in it.

    ``kinds`` holds one code per item of the catalogue.
    """
    own_kind = kinds[bought.item].astype(np.int64)
    base = bought.basket_count
    met = np.unique(own_kind * base + bought.baskets_ago)  # one per kind and basket
    known, place, times = np.unique(met // base, return_inverse=True, return_counts=True)
    weeks = weeks_of_baskets(bought)
    ago = weeks[met % base]
    last, first = _least(place, ago, len(known)), -_least(place, -ago, len(known))
    gap = np.where(times > 1, (first - last) / np.maximum(times - 1, 1), np.nan)
    rate = np.bincount(place, weights=KIND_DECAY**ago) / (KIND_DECAY**weeks).sum()
    pairs = np.unique(own_kind * len(kinds) + bought.item)
    variety = np.bincount(np.searchsorted(known, pairs // len(kinds)), minlength=len(known))
    of_kind = {
        "baskets": (times, 0.0),
        "rate": (rate, 0.0),
        "gap": (gap, np.nan),
        "gap_ratio": (last / np.maximum(gap, _DAY), np.nan),
        "baskets_since": (_least(place, (met % base).astype(np.float64), len(known)), np.nan),
        "own_items": (variety, 0.0),
    }
    row, is_known = _rows(known, kinds[items])
    found = {
        f"{name}_{column}": np.where(is_known, values[row], absent)
        for column, (values, absent) in of_kind.items()
    }
    return found | _choice(bought, items, row, last=last, own_kind=own_kind, known=known, name=name)


def user_columns(bought: Purchases, count: int) -> Columns:
    """How the user shops: often, much, and how much of it again; the same in every row."""
    weeks = weeks_of_baskets(bought)
    sizes = np.bincount(bought.baskets_ago)
    items, place = np.unique(bought.item, return_inverse=True)
    first = np.zeros(len(items), dtype=np.int64)
    np.maximum.at(first, place, bought.baskets_ago)
    is_recent = bought.baskets_ago < RECENT_BASKETS
    usual = usual_gap(weeks)
    per_user = {
        "user_repeat_share": (bought.baskets_ago < first[place])[is_recent].mean(),
        "user_usual_gap": usual,
        "user_gap_ratio": weeks[0] / max(usual, _DAY),
        "user_items": len(items),
        "user_last_basket": sizes[0],
        "user_median_basket": np.median(sizes[:RECENT_BASKETS]),
        "user_small_baskets": (sizes[: 2 * RECENT_BASKETS] <= SMALL_BASKET).mean(),
    }
    return {name: np.full(count, float(value)) for name, value in per_user.items()}


def _choice(
    bought: Purchases,
    items: Ints,
    row: npt.NDArray[np.intp],
    *,
    last: npt.NDArray[np.float64],
    own_kind: npt.NDArray[np.int64],
    known: npt.NDArray[np.int64],
    name: str,
) -> Columns:
    """Was the item the latest of its kind, and its share of the kind's fading purchases."""
    own, place = np.unique(bought.item, return_inverse=True)
    weight = CHOICE_DECAY ** bought.weeks_ago.astype(np.float64)
    since = _least(place, bought.weeks_ago.astype(np.float64), len(own))
    of_item = np.bincount(place, weights=weight)
    of_kind = np.bincount(np.searchsorted(known, own_kind), weights=weight, minlength=len(known))
    mine, is_own = _rows(own, items)
    share = of_item[mine] / np.maximum(of_kind[row], 1e-9)
    return {
        f"{name}_is_latest": np.where(is_own, since[mine] <= last[row], np.nan),
        f"{name}_share_of_item": np.where(is_own, share, 0.0),
    }


def _rows(
    known: npt.NDArray[np.integer], wanted: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Each wanted code's place among the known, rising ones, and whether it is there."""
    row = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return row, known[row] == wanted


def _least(
    place: npt.NDArray[np.intp], values: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.float64]:
    found = np.full(count, np.inf)
    np.minimum.at(found, place, values)
    return found
