"""Popular items and a shopper's own items: the floors of sequences, and retrievers for newcomers.

Pure numpy and scipy, knows no files. (Baskets with times have their own: training/metrics.py.)
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.retrievers import NO_ITEM, Histories, fading
from training.shop_data import Floats, Ints


@dataclass(frozen=True)
class PopularItems:
    """The same items for everybody, best first."""

    item: Ints
    weight: Floats
    item_count: int

    def sparse_scores(self, histories: Histories) -> sp.csr_array:
        """(n, item_count), every row alike."""
        rows, kept = len(histories), len(self.item)
        shared = (np.tile(self.weight, rows), np.tile(self.item, rows), kept * np.arange(rows + 1))
        return sp.csr_array(shared, shape=(rows, self.item_count))

    def score(self, histories: Histories) -> Floats:
        """(n, item_count); 0 below the kept ones."""
        scores: Floats = self.sparse_scores(histories).toarray()
        return scores

    def causes(self, history: Ints, items: Ints) -> Ints:  # noqa: ARG002 - no act causes these
        """Nothing in a history makes an item popular."""
        return np.full(len(items), NO_ITEM, dtype=np.int32)


@dataclass(frozen=True)
class OwnItems:
    """What the shopper had before, fading by step: personal frequency with recency."""

    item_count: int
    history_decay: float

    def sparse_scores(self, histories: Histories) -> sp.csr_array:
        """(n, item_count): decay^steps of each act, added up."""
        return fading(histories, item_count=self.item_count, decay=self.history_decay)

    def score(self, histories: Histories) -> Floats:
        """(n, item_count); 0 for items never had."""
        scores: Floats = self.sparse_scores(histories).toarray()
        return scores

    def causes(self, history: Ints, items: Ints) -> Ints:
        """An own item is its own cause."""
        return np.where(np.isin(items, history), items, NO_ITEM).astype(np.int32)
