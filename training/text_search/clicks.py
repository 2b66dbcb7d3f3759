"""Query-click pairs, each weighed by how seldom anybody looks where it was clicked.

A click in position 10 says more than one in position 1: few shoppers got so far. So a pair weighs
1 / P(looked at), the position's propensity, with a ceiling that keeps one lucky click from
outweighing everything. Propensities come from the caller: known ones
(``SimulatorConfig.propensities``) or such as were measured with shuffled lists. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from governance.errors import InputError

MOST_WEIGHT = 10.0  # of a pair: what position 18 weighs where 1 / rank^0.8 look


@dataclass(frozen=True)
class Click:
    """A query, the product that was clicked after it, where it stood (from 1), and when."""

    query: str
    item_id: str
    position: int = 1
    at: float = 0.0  # any number that grows with time


@dataclass(frozen=True)
class Pairs:
    """N queries with the text of a product that belongs to each, and how much each pair counts."""

    queries: tuple[str, ...]
    products: tuple[str, ...]
    items: tuple[str, ...]  # two pairs of one item are no negatives of one another
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Pairs":
        """The given rows, in their order."""
        return Pairs(
            tuple(self.queries[row] for row in rows),
            tuple(self.products[row] for row in rows),
            tuple(self.items[row] for row in rows),
            self.weights[np.asarray(rows, dtype=np.int64)],
        )


def click_weights(
    clicks: Sequence[Click], propensities: Sequence[float], *, most: float = MOST_WEIGHT
) -> NDArray[np.float32]:
    """(N,) inverse propensities, clipped; positions below the last told one weigh like it."""
    chances = np.asarray(propensities, dtype=np.float64)
    if not len(chances) or not (np.isfinite(chances) & (chances > 0) & (chances <= 1)).all():
        raise InputError(
            "the propensities are no chances",
            where="propensities by position",
            why="each must be above 0 and at most 1, and there must be one at least",
        )
    if wrong := next((click for click in clicks if click.position < 1), None):
        raise InputError(f"a click has position {wrong.position}", why="positions count from 1")
    places = np.array([click.position for click in clicks], dtype=np.int64) - 1
    found: NDArray[np.float32] = np.minimum(
        1 / chances[places.clip(max=len(chances) - 1)], most
    ).astype(np.float32)
    return found


def cut_by_time(
    clicks: Iterable[Click], later_share: float = 0.1
) -> tuple[list[Click], list[Click]]:
    """Earlier clicks, and the latest ones; clicks of one moment stand in a fixed order."""
    ordered = sorted(clicks, key=lambda click: (click.at, click.query, click.item_id))
    cut = int(len(ordered) * (1 - later_share))
    return ordered[:cut], ordered[cut:]


def split_by_time(
    clicks: Iterable[Click], later_share: float = 0.1
) -> tuple[list[Click], list[Click]]:
    """Earlier clicks, and the latest ones whose queries were not asked before."""
    earlier, later = cut_by_time(clicks, later_share)
    known = {click.query for click in earlier}
    return earlier, [click for click in later if click.query not in known]
