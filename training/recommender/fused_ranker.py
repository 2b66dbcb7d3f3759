"""Rule- and distance-based fusion as rankers: what the retrievers say joined, nothing else read.

Behind the interface of the learned rankers, so that a bundle may hold either and both can be judged
on the same candidates: order and quotas, convex weights of scores normalised per request, or
reciprocal ranks (``training/fusion``). Pure numpy.

Dimensions: C candidates, R retrievers, L lists.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from training.fusion.model import NOT_PROPOSED, Pool, by_reciprocal_rank, by_rule, by_weights
from training.ranker.model import FeatureColumn
from training.recommender.history import HABIT
from training.recommender.proposals import LEAST, RETRIEVERS
from training.shop_data import Floats, Ints, Longs

FusedName = Literal["rule_based", "convex", "reciprocal_rank"]
FUSED: tuple[FusedName, ...] = get_args(FusedName)
COLUMNS = {"habit": HABIT, "popular": "item_popularity"}  # of the others the column has their name
_FIRST_QUOTA = 4  # items of the best retriever in a turn of the rule; the next have half as many


@dataclass(frozen=True)
class FusedRanker:
    """One fusion; ``order`` is the retrievers' best first, ``weights`` follow ``RETRIEVERS``."""

    name: FusedName
    order: tuple[str, ...]
    weights: tuple[float, ...]
    retrieval: tuple[str, ...]
    service: tuple[FeatureColumn, ...]

    def scores(
        self,
        retrieval: Floats,
        user: npt.NDArray[np.floating],  # noqa: ARG002  # a ranker is given all columns
        item: npt.NDArray[np.floating],  # noqa: ARG002
    ) -> npt.NDArray[np.float64]:
        """One score per candidate of one request."""
        starts = np.array([0, len(retrieval)], dtype=np.int64)
        return self.fused(pool_of(retrieval, self.retrieval, starts))

    def fused(self, pool: Pool) -> npt.NDArray[np.float64]:
        """One score per row of a pool."""
        if self.name == "rule_based":
            return by_rule(pool, self.order, quotas(self.order))
        if self.name == "reciprocal_rank":
            return by_reciprocal_rank(pool)
        weights = np.array(self.weights, dtype=np.float32)
        return by_weights(pool.normalised(), weights).astype(np.float64)

    def as_dict(self) -> dict[str, Any]:
        """What a bundle keeps; the columns stand in its card."""
        found = asdict(self)
        return {name: found[name] for name in ("name", "order", "weights")}

    @classmethod
    def from_dict(
        cls,
        found: Mapping[str, Any],
        *,
        retrieval: tuple[str, ...],
        service: tuple[FeatureColumn, ...],
    ) -> "FusedRanker":
        """What :meth:`as_dict` gave, from JSON."""
        order, weights = tuple(found["order"]), tuple(found["weights"])
        return cls(found["name"], order, weights, retrieval, service)


def quotas(order: tuple[str, ...]) -> dict[str, int]:
    """4 items of the first retriever, 2 of the second, 1 of each after it."""
    return {name: max(_FIRST_QUOTA >> turn, 1) for turn, name in enumerate(order)}


def pool_of(retrieval: Floats, names: tuple[str, ...], starts: Longs) -> Pool:
    """What each retriever says of the candidates of L lists, from their (C, columns)."""
    columns = [retrieval[:, names.index(COLUMNS.get(name, name))] for name in RETRIEVERS]
    scores = np.column_stack(columns).astype(np.float32)
    least = np.array([LEAST[name] for name in RETRIEVERS], dtype=np.float32)
    scores[~(scores > least)] = np.nan  # not proposed; so is NaN
    ranks = np.column_stack([_ranks(column, starts) for column in scores.T])
    item = np.arange(len(scores), dtype=np.int32)
    return Pool(RETRIEVERS, starts, item, scores, ranks)


def _ranks(scores: Floats, starts: Longs) -> Ints:
    """(C,) places from 1 within each list, equal scores in the order given."""
    lists = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    order = np.lexsort((-scores, lists))  # NaN is last
    place = np.empty(len(scores), dtype=np.int32)
    place[order] = np.arange(len(scores)) - starts[lists[order]] + 1
    return np.where(np.isnan(scores), NOT_PROPOSED, place).astype(np.int32)
