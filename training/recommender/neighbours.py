"""Users with similar baskets: what they buy is proposed to each other.

:func:`fit_neighbours` compares every pair of users block by block (cosine over square roots of
fading purchase counts, popular items divided down); :class:`Neighbours` answers in pure numpy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from training.recommender.history import History
from training.shop_data import Floats, Ints, Longs

_BLOCK_USERS = 512  # dense similarities of 512 x 4,000 users take 16 MB


@dataclass(frozen=True)
class NeighboursConfig:
    """Knobs; their effects are in ``recommender.yaml``."""

    neighbours: int = 100  # 150 was no better on the validation window
    weekly_decay: float = 0.95  # as in the decayed personal-frequency floor
    popularity_power: float = 0.5  # shared rarities say more than shared milk


@dataclass(frozen=True)
class Neighbours:
    """Nearest users and their similarity (users, n); fading shares of baskets in CSR."""

    nearest: Ints
    similarity: Floats
    starts: Longs
    item: Ints
    share: Floats

    def scores(self, user: int, item_count: int) -> Floats:
        """Mean fading share of each item in the baskets of the user's neighbours."""
        nearest = self.nearest[user]
        begins = self.starts[nearest]
        lengths = self.starts[nearest + 1] - begins
        first = np.cumsum(lengths) - lengths
        places = np.arange(int(lengths.sum())) - np.repeat(first - begins, lengths)
        weights = np.repeat(self.similarity[user], lengths) * self.share[places]
        total = np.bincount(self.item[places], weights=weights, minlength=item_count)
        return total.astype(np.float32)


def fit_neighbours(history: History, item_count: int, config: NeighboursConfig) -> Neighbours:
    """Neighbours of every user by what the history remembers."""
    counts = _fading_counts(history, item_count, config.weekly_decay)
    buyers = np.bincount(counts.indices, minlength=item_count)
    vectors = counts.copy()
    vectors.data = np.sqrt(vectors.data) / buyers[counts.indices] ** config.popularity_power
    lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    vectors = sp.csr_array(sp.diags_array(1 / np.maximum(lengths, 1e-9)) @ vectors)
    wanted = min(config.neighbours, max(history.user_count - 1, 0))
    nearest, similarity = _nearest(vectors, wanted)
    baskets = np.array([history.of(u).basket_count for u in range(history.user_count)])
    per_user = np.diff(counts.indptr)
    return Neighbours(
        nearest=nearest,
        similarity=similarity,
        starts=counts.indptr.astype(np.int64),
        item=counts.indices.astype(np.int32),
        share=(counts.data / np.repeat(np.maximum(baskets, 1), per_user)).astype(np.float32),
    )


def _fading_counts(history: History, item_count: int, weekly_decay: float) -> sp.csr_array:
    shape = (history.user_count, item_count)
    weights = weekly_decay ** history.weeks_ago.astype(np.float64)
    shared = (weights, history.item, history.starts)
    counts = sp.csr_array(shared, shape=shape, copy=True)  # summing duplicates works in place
    counts.sum_duplicates()
    return counts


def _nearest(vectors: sp.csr_array, count: int) -> tuple[Ints, Floats]:
    """The ``count`` most similar other users of each, similarities summing to 1."""
    blocks = []
    for begin in range(0, vectors.shape[0], _BLOCK_USERS):
        similar = (vectors[begin : begin + _BLOCK_USERS] @ vectors.T).toarray()
        rows = np.arange(len(similar))
        similar[rows, begin + rows] = -1.0  # nobody is their own neighbour
        order = np.argsort(-similar, axis=1, kind="stable")[:, :count]
        blocks.append((order, np.take_along_axis(similar, order, axis=1)))
    nearest = np.concatenate([order for order, _ in blocks])
    similarity: npt.NDArray[np.float64] = np.concatenate([found for _, found in blocks])
    similarity = np.maximum(similarity, 0)
    total = np.maximum(similarity.sum(axis=1, keepdims=True), 1e-9)
    return nearest.astype(np.int32), (similarity / total).astype(np.float32)
