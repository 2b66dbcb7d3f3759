"""SASRec as serving needs it: vectors of users and items, multiplied in numpy.

The network reads a user's latest purchases when the memory is refreshed, not at answer time; so
serving needs no torch. A score is the product of two vectors: a logit, not a probability.
"""

from dataclasses import dataclass

import numpy as np

from training.shop_data import Floats, Ints


@dataclass(frozen=True)
class SasrecVectors:
    """``users`` (users, D), ``items`` (vocabulary, D), and the catalogue code of each item row."""

    users: Floats
    items: Floats
    vocabulary: Ints

    def scores(self, user: int, item_count: int) -> Floats:
        """One logit per item of the catalogue; NaN outside the vocabulary."""
        found = np.full(item_count, np.nan, dtype=np.float32)
        if self.users[user].any():
            found[self.vocabulary] = self.items @ self.users[user]
        return found
