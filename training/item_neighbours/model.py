"""Weighted links between items at answer time: a score is a sum over the history's items.

Pure numpy and scipy, knows no files. Links out of i are ``item[starts[i]:starts[i + 1]]`` with
``weight``. Cosine neighbours and co-visitation of sequences are both such links; they differ in
how they are fitted. The largest summand names a score's cause.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from training.retrievers import NO_ITEM, Histories, fading
from training.shop_data import Floats, Ints, Longs


@dataclass(frozen=True)
class ItemLinks:
    """CSR over items, and how fast a history fades."""

    starts: Longs
    item: Ints
    weight: Floats
    history_decay: float  # per step back: 1 remembers all alike, 0.5 mostly the latest item

    @property
    def item_count(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def matrix(self) -> sp.csr_array:
        """(item_count, item_count)."""
        shape = (self.item_count, self.item_count)
        return sp.csr_array((self.weight, self.item, self.starts), shape=shape)

    def sparse_scores(self, histories: Histories) -> sp.csr_array:
        """One sparse product."""
        shown = fading(histories, item_count=self.item_count, decay=self.history_decay)
        return sp.csr_array(shown @ self.matrix)

    def score(self, histories: Histories) -> Floats:
        """(n, item_count); 0 where no link leads."""
        scores: Floats = self.sparse_scores(histories).toarray()
        return scores

    def causes(self, history: Ints, items: Ints) -> Ints:
        """Per item the history item whose link adds most; the earlier named one of equals."""
        shown = fading([history], item_count=self.item_count, decay=self.history_decay)
        links = self.matrix[shown.indices][:, items].toarray() * shown.data[:, None]
        if not links.size:
            return np.full(len(items), NO_ITEM, dtype=np.int32)
        found = shown.indices[links.argmax(axis=0)]
        return np.where(links.max(axis=0) > 0, found, NO_ITEM).astype(np.int32)


def links_of(matrix: sp.csr_array, *, neighbours: int, history_decay: float) -> ItemLinks:
    """The ``neighbours`` largest positive entries of each row; equal ones by smaller column."""
    matrix = sp.csr_array(matrix)
    matrix.sort_indices()
    kept = []
    for begin, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        places = begin + np.flatnonzero(matrix.data[begin:end] > 0)
        if len(places) > neighbours:
            best = np.argsort(-matrix.data[places], kind="stable")[:neighbours]
            places = places[np.sort(best)]
        kept.append(places)
    chosen = np.concatenate([np.empty(0, dtype=np.int64), *kept])
    sizes = np.array([len(places) for places in kept], dtype=np.int64)
    return ItemLinks(
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        item=matrix.indices[chosen].astype(np.int32),
        weight=matrix.data[chosen].astype(np.float32),
        history_decay=history_decay,
    )
