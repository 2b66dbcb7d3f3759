"""The exact k largest scores of many rows, and of products of vectors with all items, in blocks.

A product gives a row of scores per query; finding the k best among 100,000 of them must not cost
more than the product. So the row is folded into some thousand groups, the k-th largest of their
maxima is a score that at least k items reach, and only groups whose maximum reaches it are looked
at. Equal scores go by smaller item; -inf and NaN are never found. Pure numpy; knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from training.shop_data import Floats, Ints, Longs

BLOCK = 128  # queries multiplied at once: 51 MB of scores at 100,000 items
_GROUPS_PER_RESULT = 40  # more find fewer needless items and take longer to compare


class VectorIndex(Protocol):
    """Finds the items whose vectors have the largest products with a query's."""

    def search(
        self, queries: Floats, *, k: int, hidden: Sequence[Ints] | None = None
    ) -> tuple[Ints, Floats]:
        """(n, k) items, best first, -1 where there are fewer; and their scores, -inf there."""
        ...


@dataclass(frozen=True)
class ExactIndex:
    """All item vectors, side by side as the product wants them."""

    columns: Floats  # (width, items), contiguous

    @classmethod
    def of(cls, vectors: Floats) -> "ExactIndex":
        """``vectors`` (items, width)."""
        return cls(np.ascontiguousarray(vectors.T))

    def search(
        self, queries: Floats, *, k: int, hidden: Sequence[Ints] | None = None
    ) -> tuple[Ints, Floats]:
        """Exact; ``hidden`` names per query the items that must not be found."""
        items, scores = empty_lists(len(queries), k)
        room = np.empty((min(BLOCK, len(queries)), self.columns.shape[1]), dtype=np.float32)
        for begin in range(0, len(queries), BLOCK):
            block = slice(begin, min(begin + BLOCK, len(queries)))
            found = room[: block.stop - begin]
            np.matmul(queries[block], self.columns, out=found)
            for place, items_hidden in enumerate((hidden or ())[block]):
                found[place, items_hidden] = -np.inf
            best_of_rows(found, items[block], scores[block])
        return items, scores


def empty_lists(count: int, k: int) -> tuple[Ints, Floats]:
    """Items -1 and scores -inf, to be filled by :func:`best_of_rows`."""
    items = np.full((count, k), -1, dtype=np.int32)
    return items, np.full((count, k), -np.inf, dtype=np.float32)


def best_of_rows(rows: Floats, items: Ints, scores: Floats) -> None:
    """Write the largest values of each row into ``items`` and ``scores``, as many as they hold."""
    k = items.shape[1]
    if not k:
        return
    for place, row in enumerate(rows):
        found = _candidates(row, k)
        order = np.lexsort((found, -row[found]))[:k]
        items[place, : len(order)] = found[order]
        scores[place, : len(order)] = row[found[order]]


def _candidates(row: Floats, k: int) -> Longs:
    """Every place whose value is among the k largest, ties included, and maybe some more."""
    groups = _GROUPS_PER_RESULT * k
    depth = len(row) // groups
    if depth < 2:
        return _reaching(row, k)
    folded = row[: depth * groups].reshape(depth, groups)  # group g: places g, g + groups, ...
    largest = folded.max(axis=0)
    if np.isnan(largest).any():
        return _candidates(np.where(np.isnan(row), np.float32(-np.inf), row), k)
    least = np.partition(largest, groups - k)[groups - k]
    if least == -np.inf:
        return _reaching(row, k)
    reaching = np.flatnonzero(largest >= least)
    step, place = np.nonzero(folded[:, reaching] >= least)
    rest = np.flatnonzero(row[depth * groups :] >= least) + depth * groups
    found: Longs = np.concatenate([step * groups + reaching[place], rest])
    return found


def _reaching(row: Floats, k: int) -> Longs:
    """Places of the k largest of a short row, all equals of the k-th included."""
    found: Longs = np.flatnonzero(row > -np.inf)  # false for NaN
    if len(found) > k:
        values = row[found]
        found = found[values >= np.partition(values, len(values) - k)[len(values) - k]]
    return found
