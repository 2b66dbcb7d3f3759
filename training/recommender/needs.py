"""How often a user buys a kind of thing, and whether it is due.

Pure numpy. An item may be new or rare to the user while its kind is due every week. A kind is a
code of one category level.
"""

import numpy as np
import numpy.typing as npt

from training.recommender.history import Columns, Purchases
from training.recommender.rhythm import weeks_of_baskets
from training.shop_data import Ints

KIND_DECAY = 0.95  # per week, of how often a kind is bought
_DAY = 1 / 7  # weeks; below it a gap is no gap


def need_columns(bought: Purchases, items: Ints, kinds: Ints, *, name: str) -> Columns:
    """For candidate items: the rate of each one's kind, and how far its mean gap has gone by.

    ``kinds`` holds one code per item of the catalogue. A kind never bought has rate 0; without two
    baskets of it there is no gap: NaN.
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
    row = np.minimum(np.searchsorted(known, kinds[items]), len(known) - 1)
    is_known = known[row] == kinds[items]
    return {
        f"{name}_rate": np.where(is_known, rate[row], 0.0),
        f"{name}_gap_ratio": np.where(is_known, (last / np.maximum(gap, _DAY))[row], np.nan),
    }


def _least(
    place: npt.NDArray[np.intp], values: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.float64]:
    found = np.full(count, np.inf)
    np.minimum.at(found, place, values)
    return found
