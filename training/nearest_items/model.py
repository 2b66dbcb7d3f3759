"""Search among item vectors at answer time: the k largest products with a query's vector.

Dimensions: n queries, V items, D numbers. Up to about 170,000 items one matrix product is as fast
as a graph and never wrong; above, USearch walks a graph of neighbours and misses a few items, how
many was measured when it was built. Scores are exact either way. Knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from training.retrievers import NO_ITEM
from training.shop_data import Floats, Ints

if TYPE_CHECKING:
    from usearch.index import Index

_CELLS = 16_000_000  # scores held at once: 64 MB


class VectorIndex(Protocol):
    """Whatever finds the items whose vectors have the largest products with a query's."""

    def search(
        self, queries: Floats, *, k: int, hidden: Sequence[Ints] | None = None
    ) -> tuple[Ints, Floats]:
        """(n, k) items, best first, -1 where there are fewer; and their scores, -inf there."""
        ...


@dataclass(frozen=True)
class ExactItems:
    """Every item is looked at; equal scores by smaller item."""

    vectors: Floats  # (V, D)

    def search(
        self, queries: Floats, *, k: int, hidden: Sequence[Ints] | None = None
    ) -> tuple[Ints, Floats]:
        """Exact; ``hidden`` names per query the items that must not be found."""
        items, scores = _nothing(len(queries), k)
        rows = max(_CELLS // max(len(self.vectors), 1), 1)
        for begin in range(0, len(queries), rows):
            products = queries[begin : begin + rows] @ self.vectors.T
            for place, row in enumerate(products, start=begin):
                if hidden is not None:
                    row[hidden[place]] = -np.inf
                _write_best(np.arange(len(row)), row, items[place], scores[place])
        return items, scores


@dataclass(frozen=True)
class GraphItems:
    """A USearch graph over the same vectors; it may miss items, and never misstates a score."""

    graph: "Index"
    vectors: Floats  # (V, D)
    threads: int = 1  # answers do not depend on it

    def search(
        self, queries: Floats, *, k: int, hidden: Sequence[Ints] | None = None
    ) -> tuple[Ints, Floats]:
        """As many more are looked for as are hidden from any one query."""
        items, scores = _nothing(len(queries), k)
        most = max((len(some) for some in hidden or ()), default=0)
        wanted = min(k + most, len(self.vectors))
        if not wanted or not len(queries):
            return items, scores
        found = self.graph.search(np.ascontiguousarray(queries), wanted, threads=self.threads)
        keys = np.asarray(found.keys).reshape(len(queries), -1).astype(np.int64)
        counts = np.asarray(found.counts if len(queries) > 1 else [keys.shape[1]]).reshape(-1)
        for place, (query, row, count) in enumerate(zip(queries, keys, counts, strict=True)):
            near = row[:count]
            if hidden is not None:
                near = near[~np.isin(near, hidden[place])]
            _write_best(near, self.vectors[near] @ query, items[place], scores[place])
        return items, scores


def _nothing(count: int, k: int) -> tuple[Ints, Floats]:
    items = np.full((count, k), NO_ITEM, dtype=np.int32)
    return items, np.full((count, k), -np.inf, dtype=np.float32)


def _write_best(found: np.ndarray, values: Floats, items: Ints, scores: Floats) -> None:
    """The best of one row; all that equal the k-th are compared, so that ties have one order."""
    k = len(items)
    if 0 < k < len(values):
        reaching = values >= np.partition(values, len(values) - k)[len(values) - k]
        found, values = found[reaching], values[reaching]
    order = np.lexsort((found, -values))[:k]
    order = order[values[order] > -np.inf]
    items[: len(order)] = found[order]
    scores[: len(order)] = values[order]
