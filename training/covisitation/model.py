"""Item-to-item co-visitation at answer time: sums of neighbours' weights, with their causes.

Pure numpy, knows no files. Row i of the matrix holds the items that follow item i, best first
kept. A score is a sum over the user's items, so the largest summand names its cause.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.shop_data import Floats, Ints, Longs


@dataclass(frozen=True)
class Covisitation:
    """CSR over items: neighbours of i are ``item[starts[i]:starts[i + 1]]`` with ``weight``."""

    starts: Longs
    item: Ints
    weight: Floats

    @property
    def item_count(self) -> int:
        return len(self.starts) - 1

    def scores(self, history: Ints, strength: Floats) -> Floats:
        """One score per item of the catalogue for a history of items and their strengths."""
        _, neighbours, summands = self._summands(history, strength)
        total = np.bincount(neighbours, weights=summands, minlength=self.item_count)
        return total.astype(np.float32)

    def causes(self, history: Ints, strength: Floats, items: Ints) -> Ints:
        """Per wanted item the history item with the largest part in its score; -1 for none."""
        causes, neighbours, summands = self._summands(history, strength)
        wanted = np.full(self.item_count, -1, dtype=np.int32)
        wanted[items] = np.arange(len(items), dtype=np.int32)
        place = wanted[neighbours]
        kept = np.flatnonzero(place >= 0)
        rising = kept[np.lexsort((-causes[kept], summands[kept]))]  # the last write wins
        found = np.full(len(items), -1, dtype=np.int32)
        found[place[rising]] = causes[rising]
        return found

    def _summands(
        self, history: Ints, strength: Floats
    ) -> tuple[Ints, Ints, npt.NDArray[np.float32]]:
        """(history item, neighbour, strength x weight) of every edge out of the history."""
        begins = self.starts[history]
        lengths = self.starts[history + 1] - begins
        owner = np.repeat(np.arange(len(history)), lengths)
        first = np.cumsum(lengths) - lengths
        edges = np.arange(int(lengths.sum())) - np.repeat(first - begins, lengths)
        return history[owner], self.item[edges], strength[owner] * self.weight[edges]
