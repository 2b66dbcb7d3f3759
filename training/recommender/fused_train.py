"""Fit the fusions that read retrievers only: their order, and how much each weighs.

Both come of the training windows' purchase lists, by NDCG@10; the validation window then judges
them as it judges the learned rankers.
"""

import numpy as np
import numpy.typing as npt

from training.fusion.train import climbed_weights
from training.metrics import list_ndcg
from training.ranker.train import Lists, lists_of
from training.recommender.fused_ranker import FusedName, FusedRanker, pool_of
from training.recommender.proposals import RETRIEVERS
from training.shop_data import Longs
from training.training_set import TrainingSet

_MOST_LISTS = 2_000  # that teach: 40 tries of half a second


def fit_fused(training_set: TrainingSet, *, name: FusedName, seed: int) -> FusedRanker:
    """A fusion of the retrievers' columns; the same order and weights whatever its name."""
    lists = _purchases(lists_of(training_set, "train", 0.0), seed)
    sizes = lists.sizes
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    pool = pool_of(lists.values, training_set.retrieval, starts)
    normalised = pool.normalised()

    def reached(fused: npt.NDArray[np.floating]) -> float:
        return list_ndcg(fused, lists.label > 0, sizes, lists.relevant)

    alone = {name: reached(normalised[:, place]) for place, name in enumerate(RETRIEVERS)}
    order = tuple(sorted(alone, key=lambda name: -alone[name]))
    weights = climbed_weights(pool, normalised, order, reached)
    return FusedRanker(
        name, order, tuple(weights.tolist()), training_set.retrieval, training_set.service
    )


def _purchases(lists: Lists, seed: int) -> Lists:
    """Lists of a basket's candidates, not of impressions; drawn where there are more."""
    chosen = np.flatnonzero(lists.relevant > 0)
    if len(chosen) > _MOST_LISTS:
        draw = np.random.default_rng(seed)
        chosen = np.sort(draw.choice(chosen, _MOST_LISTS, replace=False))
    return _at(lists, chosen)


def _at(lists: Lists, chosen: Longs) -> Lists:
    is_kept = np.zeros(len(lists.sizes), dtype=np.bool_)
    is_kept[chosen] = True
    rows = np.repeat(is_kept, lists.sizes)
    return Lists(
        values=lists.values[rows],
        label=lists.label[rows],
        weight=lists.weight[rows],
        sizes=lists.sizes[chosen],
        relevant=lists.relevant[chosen],
    )
