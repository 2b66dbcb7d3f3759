"""Which items are worth ranking for a user: the best of each retriever, within its quota.

Pure numpy. A retriever's rank of an item it did not propose is ``NOT_PROPOSED``.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from training.metrics import top_k
from training.shop_data import Floats, Ints

RETRIEVERS = ("habit", "co_visitation", "neighbours", "sasrec", "popular")
QUOTAS = (0.40, 0.15, 0.15, 0.15, 0.15)  # of the limit; overlaps leave room below it
# Only scores above these are proposals; SASRec's are logits, the others sums of positive parts.
LEAST = {name: -np.inf if name == "sasrec" else 0.0 for name in RETRIEVERS}
NOT_PROPOSED = np.iinfo(np.int32).max


def propose(
    all_scores: Mapping[str, Floats], hidden: Ints | None, limit: int
) -> tuple[Ints, npt.NDArray[np.int64]]:
    """The union of each retriever's best, rising; and (retrievers, items) ranks in each."""
    best = []
    for name, quota in zip(RETRIEVERS, QUOTAS, strict=True):
        scores = all_scores[name]
        found = np.flatnonzero(scores > LEAST[name])  # false for NaN
        if hidden is not None:
            found = np.setdiff1d(found, hidden, assume_unique=True)
        best.append(found[top_k(scores[found], max(int(quota * limit), 1))].astype(np.int32))
    items = np.unique(np.concatenate(best))
    ranks = np.full((len(RETRIEVERS), len(items)), NOT_PROPOSED, dtype=np.int64)
    for row, ranked in enumerate(best):
        ranks[row, np.searchsorted(items, ranked)] = np.arange(len(ranked))
    return items, ranks


def proposers(ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Per item the retriever to name: the user's own habit first, else the best rank."""
    is_habit = ranks[RETRIEVERS.index("habit")] < NOT_PROPOSED
    return np.where(is_habit, RETRIEVERS.index("habit"), ranks.argmin(axis=0))
