"""What every retriever can do, and exact top-k over any of them in bounded memory.

A retriever is any object with ``score(histories) -> (n, item_count) float32``, where a history is
an array of item codes from 0, oldest first. ``-inf`` means "never proposed"; other values only
need an order. One whose scores are mostly zero also has ``sparse_scores`` (CSR of positive
scores, the rest not proposed); one whose scores are products has ``vectors`` and
``item_vectors``; one that can say why has ``causes``. Nothing is registered: what has these
methods is a retriever (SASRec's scorer as much as a count matrix).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from training.exact_search import ExactIndex, best_of_rows, empty_lists
from training.shop_data import Floats, Ints, Longs

Histories = Sequence[Ints]
NO_ITEM = -1
_BLOCK_CELLS = 16_000_000  # dense scores of a block take 64 MB
_BLOCK_ROWS = 1_024
_NOTHING: Ints = np.empty(0, dtype=np.int32)


@runtime_checkable
class Retriever(Protocol):
    """Scores the whole catalogue for a batch of histories."""

    def score(self, histories: Histories) -> Floats:
        """(n, item_count); larger is better, ``-inf`` is never proposed."""
        ...


@runtime_checkable
class SparseRetriever(Retriever, Protocol):
    """A retriever that scores few items above zero and proposes only those."""

    def sparse_scores(self, histories: Histories) -> sp.csr_array:
        """(n, item_count) in CSR."""
        ...


@runtime_checkable
class VectorRetriever(Retriever, Protocol):
    """A retriever whose scores are products of two vectors; an empty history proposes nothing."""

    def vectors(self, histories: Histories) -> Floats:
        """(n, width)."""
        ...

    def item_vectors(self) -> Floats:
        """(item_count, width)."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A retriever that names what in a history caused a score."""

    def causes(self, history: Ints, items: Ints) -> Ints:
        """Per item the history item with the largest part in its score; -1 for none."""
        ...


@dataclass(frozen=True)
class Proposals:
    """The k best items of each request, best first; equal scores by smaller item."""

    items: Ints  # (n, k), NO_ITEM where there are fewer
    scores: Floats  # (n, k), -inf there

    def __len__(self) -> int:
        return len(self.items)


def propose(
    retriever: Retriever,
    histories: Histories,
    *,
    k: int,
    hide_seen: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Proposals:
    """The exact k best of the catalogue for each history, block by block."""
    if isinstance(retriever, VectorRetriever):
        return _by_vectors(retriever, histories, k=k, hide_seen=hide_seen)
    items, scores = empty_lists(len(histories), k)
    begin, rows = 0, _BLOCK_ROWS if isinstance(retriever, SparseRetriever) else 64
    while begin < len(histories):
        block = histories[begin : begin + rows]
        hidden = block if hide_seen else [_NOTHING] * len(block)
        found = slice(begin, begin + len(block))
        if isinstance(retriever, SparseRetriever):
            part = retriever.sparse_scores(block)
            _best_sparse(part, hidden, items[found], scores[found])
        else:
            dense = retriever.score(block)
            _best_dense(dense, hidden, items[found], scores[found])
            rows = max(min(_BLOCK_CELLS // max(dense.shape[1], 1), _BLOCK_ROWS), 1)
        begin += len(block)
        if progress is not None:
            progress(begin, len(histories))
    return Proposals(items, scores)


def flat(histories: Histories) -> tuple[Longs, Ints, Longs]:
    """(row, item, steps ago) of every act of every history; 0 steps ago is the latest."""
    sizes = np.array([len(history) for history in histories], dtype=np.int64)
    row = np.repeat(np.arange(len(histories)), sizes)
    ends = np.cumsum(sizes)
    steps_ago = np.repeat(ends, sizes) - 1 - np.arange(int(sizes.sum()))
    empty = np.empty(0, dtype=np.int32)
    item = np.concatenate([empty, *histories]).astype(np.int32)
    return row, item, steps_ago


def fading(histories: Histories, *, item_count: int, decay: float) -> sp.csr_array:
    """(n, item_count): decay^steps of each act, acts on the same item added up."""
    row, item, steps_ago = flat(histories)
    weights = np.float64(decay) ** steps_ago
    shape = (len(histories), item_count)
    return sp.csr_array(
        sp.coo_array((weights.astype(np.float32), (row, item)), shape=shape), copy=False
    )


def spans(begins: Longs, lengths: Longs) -> Longs:
    """The places begin, begin + 1, ... of every span, one after the other."""
    first = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) - np.repeat(first - begins, lengths)


def best_per_row(row: Longs, score: npt.NDArray[np.floating], k: int) -> Longs:
    """Places of the k largest scores of each row; by row, then best first, then by place."""
    order = np.lexsort((-score, row))
    rows = row[order]
    begins = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]) if len(rows) else rows
    lengths = np.diff(np.r_[begins, len(rows)])
    rank = np.arange(len(rows)) - np.repeat(begins, lengths)
    kept: Longs = order[rank < k]
    return kept


def _by_vectors(
    retriever: VectorRetriever, histories: Histories, *, k: int, hide_seen: bool
) -> Proposals:
    """One product per block of queries; the item vectors are made once."""
    index = ExactIndex.of(retriever.item_vectors())
    asking = [place for place, history in enumerate(histories) if len(history)]
    shown = [histories[place] for place in asking]
    items, scores = empty_lists(len(histories), k)
    found = index.search(retriever.vectors(shown), k=k, hidden=shown if hide_seen else None)
    items[asking], scores[asking] = found
    return Proposals(items, scores)


def _best_sparse(part: sp.csr_array, hidden: Histories, items: Ints, scores: Floats) -> None:
    k = items.shape[1]
    for place, history in enumerate(hidden):
        row = slice(part.indptr[place], part.indptr[place + 1])
        values, columns = part.data[row], part.indices[row]
        kept = values > 0
        if len(history):
            kept &= ~np.isin(columns, history)
        _fill(columns[kept], values[kept], k, items[place], scores[place])


def _best_dense(dense: Floats, hidden: Histories, items: Ints, scores: Floats) -> None:
    if any(len(history) for history in hidden):
        dense = dense.copy()
        for place, history in enumerate(hidden):
            dense[place, history] = -np.inf
    best_of_rows(dense, items, scores)


def _fill(columns: Ints, values: Floats, k: int, items: Ints, scores: Floats) -> None:
    """Write the best of one row; at the border of k equal scores go by smaller item."""
    if len(values) > k:
        least = np.partition(values, len(values) - k)[len(values) - k]
        reach = values >= least
        columns, values = columns[reach], values[reach]
    order = np.lexsort((columns, -values))[:k]
    items[: len(order)] = columns[order]
    scores[: len(order)] = values[order]
