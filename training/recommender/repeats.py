"""How soon people buy a thing again: the chance that a basket holds it, by weeks since the last.

:func:`fit_repeats` counts, for every purchase, the buyer's later baskets by how long after it they
came, and which of them bought again: a discrete-time hazard (Allison, Sociological Methodology
1982). Items are shrunk to their product type, types to their category, categories to the shop; so
an item bought twice in the shop still has a sensible rhythm. :class:`Repeats` answers in numpy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.recommender.history import Columns, History, Purchases
from training.shop_data import Floats, Ints

EDGES = (0.6, 1.5, 2.5, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 30.0)  # weeks; the last bin is open

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RepeatsConfig:
    """Knobs; their effects are in ``recommender.yaml``."""

    shrinkage: float = 50.0  # baskets that count as "nothing known"


@dataclass(frozen=True)
class Repeats:
    """Chances by item, and by product type bought at all; (codes, bins)."""

    of_item: Floats
    of_type: Floats

    def columns(self, bought: Purchases, items: Ints, types: Ints) -> Columns:
        """The chance now of each candidate and of its type; 0 where the user never bought it."""
        return {
            "repeat_chance": _chance(self.of_item, bought.item, bought.weeks_ago, items),
            "type_chance": _chance(
                self.of_type, types[bought.item], bought.weeks_ago, types[items]
            ),
        }


def fit_repeats(history: History, categories: Ints, config: RepeatsConfig) -> Repeats:
    """Chances from all that the history remembers; ``categories`` from coarse to fine."""
    shrinkage = config.shrinkage
    user = np.repeat(np.arange(history.user_count), np.diff(history.starts))
    clock = _Clock.of(history, user)
    types, kinds = categories[:, -1], categories[:, -2]
    again, chances = clock.count(history.item, len(categories))
    shop = again.sum(axis=0) / np.maximum(chances.sum(axis=0), 1)
    of_kind = _shrunk(_folded(again, kinds), _folded(chances, kinds), shop, shrinkage)
    kind_of_type = np.zeros(int(types.max(initial=0)) + 1, dtype=np.intp)
    kind_of_type[types] = kinds
    of_type = _shrunk(
        _folded(again, types), _folded(chances, types), of_kind[kind_of_type], shrinkage
    )
    of_item = _shrunk(again, chances, of_type[types], shrinkage)
    met, open_to = clock.count(types[history.item], len(kind_of_type))
    of_any = met.sum(axis=0) / np.maximum(open_to.sum(axis=0), 1)
    any_of_type = _shrunk(met, open_to, of_any, shrinkage)
    return Repeats(of_item.astype(np.float32), any_of_type.astype(np.float32))


@dataclass(frozen=True)
class _Clock:
    """Purchases by user, and the sorted times of every user's baskets on one line."""

    user: npt.NDArray[np.intp]
    weeks_ago: Values
    baskets: Values  # user x span - weeks ago
    span: float

    @classmethod
    def of(cls, history: History, user: npt.NDArray[np.intp]) -> "_Clock":
        weeks_ago = history.weeks_ago.astype(np.float64)
        span = float(weeks_ago.max(initial=0.0)) + 2 * EDGES[-1] + 1
        return cls(user, weeks_ago, np.unique(user * span - weeks_ago), span)

    def count(self, codes: Ints, code_count: int) -> tuple[Values, Values]:
        """(codes, bins): purchases again, and baskets in which that could have happened."""
        order = np.lexsort((-self.weeks_ago, codes, self.user))
        user, code, weeks = self.user[order], codes[order], self.weeks_ago[order]
        is_new = np.ones(len(user), dtype=np.bool_)
        is_new[1:] = (user[1:] != user[:-1]) | (code[1:] != code[:-1]) | (weeks[1:] != weeks[:-1])
        user, weeks = user[is_new], weeks[is_new]
        met = code[is_new].astype(np.int64)
        is_again = (user[1:] == user[:-1]) & (met[1:] == met[:-1])
        until = np.append(np.where(is_again, weeks[1:], 0.0), np.zeros(min(len(weeks), 1)))
        bins = len(EDGES) + 1
        place = met[:-1][is_again] * bins + np.searchsorted(
            EDGES, (weeks - until)[:-1][is_again], side="left"
        )
        again = np.bincount(place, minlength=code_count * bins).reshape(code_count, bins)
        return again.astype(np.float64), self._chances(
            user, met, weeks=weeks, until=until, code_count=code_count
        )

    def _chances(
        self,
        user: npt.NDArray[np.intp],
        code: npt.NDArray[np.int64],
        *,
        weeks: Values,
        until: Values,
        code_count: int,
    ) -> Values:
        """Baskets after each purchase and up to the next one of its code, by bin."""
        found = []
        before = np.searchsorted(self.baskets, user * self.span - weeks, side="right")
        for edge in (*EDGES, np.inf):
            end = user * self.span - np.maximum(weeks - edge, until)
            upto = np.maximum(np.searchsorted(self.baskets, end, side="right"), before)
            found.append(np.bincount(code, weights=upto - before, minlength=code_count))
            before = upto
        return np.column_stack(found).astype(np.float64)


def _folded(counts: Values, parent: Ints) -> Values:
    found = np.zeros((int(parent.max(initial=0)) + 1, counts.shape[1]))
    np.add.at(found, parent, counts)
    return found


def _shrunk(again: Values, chances: Values, prior: Values, shrinkage: float) -> Values:
    found: Values = (again + shrinkage * prior) / (chances + shrinkage)
    return found


def _chance(table: Floats, own: Ints, weeks_ago: Floats, wanted: Ints) -> Values:
    since = np.full(len(table), np.inf)
    np.minimum.at(since, own, weeks_ago.astype(np.float64))
    weeks = since[wanted]
    chance = table[wanted, np.searchsorted(EDGES, weeks, side="left")]
    return np.where(np.isfinite(weeks), chance, 0.0).astype(np.float64)
