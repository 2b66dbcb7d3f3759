"""Similar users at answer time: a score is the likeness-weighted share of neighbours who chose it.

The asking user needs no row: the history itself is compared, so new users are answered too. Pure
numpy and scipy, knows no files.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from training.retrievers import NO_ITEM, Histories, best_per_row, fading
from training.shop_data import Floats, Ints, Longs


@dataclass(frozen=True)
class UserNeighbours:
    """Known users' items (CSR) and their weights in a comparison, rows of length 1 or shrunk."""

    starts: Longs
    item: Ints
    compared: Floats  # per act of a user, as compared
    rarity: Floats  # per item, of a history's act in a comparison
    neighbours: int
    history_decay: float

    @property
    def item_count(self) -> int:
        return len(self.rarity)

    @cached_property
    def vectors(self) -> sp.csr_array:
        """(users, items) as compared."""
        shape = (len(self.starts) - 1, self.item_count)
        return sp.csr_array((self.compared, self.item, self.starts), shape=shape)

    @cached_property
    def _vectors_by_item(self) -> sp.csr_array:
        return sp.csr_array(self.vectors.T)

    @cached_property
    def _chosen(self) -> sp.csr_array:
        """(users, items) of ones."""
        ones = np.ones(len(self.item), dtype=np.float32)
        return sp.csr_array((ones, self.item, self.starts), shape=self.vectors.shape)

    def sparse_scores(self, histories: Histories) -> sp.csr_array:
        """Two sparse products with a cut to the nearest users between them."""
        likeness = sp.csr_array(self._shown(histories) @ self._vectors_by_item)
        row = np.repeat(np.arange(len(histories)), np.diff(likeness.indptr))
        kept = best_per_row(row, likeness.data, self.neighbours)
        cells = (row[kept], likeness.indices[kept])
        nearest = sp.coo_array((likeness.data[kept], cells), shape=likeness.shape)
        return sp.csr_array(sp.csr_array(nearest) @ self._chosen)

    def score(self, histories: Histories) -> Floats:
        """(n, item_count); 0 where no neighbour chose the item."""
        scores: Floats = self.sparse_scores(histories).toarray()
        return scores

    def causes(self, history: Ints, items: Ints) -> Ints:
        """Per item the history item that made its choosers alike most."""
        shown = self._shown([history])
        if not len(shown.indices):
            return np.full(len(items), NO_ITEM, dtype=np.int32)
        alike = self._vectors_by_item[shown.indices].toarray() * shown.data[:, None]
        total = alike.sum(axis=0)
        nearest = best_per_row(np.zeros(len(total), dtype=np.int64), total, self.neighbours)
        parts = alike[:, nearest] @ self._chosen[nearest][:, items].toarray()
        found = shown.indices[parts.argmax(axis=0)]
        return np.where(parts.max(axis=0) > 0, found, NO_ITEM).astype(np.int32)

    def _shown(self, histories: Histories) -> sp.csr_array:
        shown = fading(histories, item_count=self.item_count, decay=self.history_decay)
        shown.data = shown.data * self.rarity[shown.indices]
        return shown
