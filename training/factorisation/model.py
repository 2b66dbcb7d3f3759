"""EASE at answer time: one dense item-to-item matrix, negative weights included.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019). Pure numpy, knows no files.
"""

from dataclasses import dataclass

import numpy as np

from training.retrievers import NO_ITEM, Histories, fading
from training.shop_data import Floats, Ints


@dataclass(frozen=True)
class Ease:
    """Row i: what an act on i says about every other item."""

    weights: Floats  # (item_count, item_count)
    history_decay: float

    def score(self, histories: Histories) -> Floats:
        """(n, item_count)."""
        count = len(self.weights)
        shown = fading(histories, item_count=count, decay=self.history_decay)
        scores: Floats = shown @ self.weights
        return scores

    def causes(self, history: Ints, items: Ints) -> Ints:
        """Per item the history item that adds most."""
        shown = fading([history], item_count=len(self.weights), decay=self.history_decay)
        if not len(shown.indices):
            return np.full(len(items), NO_ITEM, dtype=np.int32)
        parts = self.weights[np.ix_(shown.indices, items)] * shown.data[:, None]
        found = shown.indices[parts.argmax(axis=0)]
        return np.where(parts.max(axis=0) > 0, found, NO_ITEM).astype(np.int32)
