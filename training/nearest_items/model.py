"""Search among item vectors at answer time: the k largest products with a query's vector.

Dimensions: n queries, V items, D numbers. Up to about 170,000 items one matrix product is as fast
as a graph and never wrong; above, USearch walks a graph of neighbours and misses a few items, how
many was measured when it was built. Scores are exact either way. The matrix product is
``training/exact_search.py``; here is the graph. Knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.exact_search import empty_lists
from training.shop_data import Floats, Ints

if TYPE_CHECKING:
    from usearch.index import Index


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
        items, scores = empty_lists(len(queries), k)
        most = max((len(some) for some in hidden or ()), default=0)
        wanted = min(k + most, len(self.vectors))
        if not wanted or not len(queries):
            return items, scores
        found = self.graph.search(np.ascontiguousarray(queries), wanted, threads=self.threads)
        keys = np.asarray(found.keys).reshape(len(queries), -1).astype(np.int64)
        counts = np.asarray(getattr(found, "counts", [keys.shape[1]])).reshape(-1)  # one: no counts
        for place, (query, row, count) in enumerate(zip(queries, keys, counts, strict=True)):
            near = row[:count]
            if hidden is not None:
                near = near[~np.isin(near, hidden[place])]
            _write_best(near, self.vectors[near] @ query, items[place], scores[place])
        return items, scores


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
