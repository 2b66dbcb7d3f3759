"""Fit how two lists are joined, on queries of which it is known what they should find.

Few queries are the rule, so everything leans on what is known without them: of weights that are as
good within one standard error the one nearest to the default is taken, and the ranker is a linear
one under a strong pull to zero. Which way is best is judged on queries that did not fit it.

Dimensions: Q queries, C candidates of one, W weights that are tried. Pure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.fusion.model import Pool
from training.shop_data import Floats
from training.text_search.fusion import (
    COLUMNS,
    FUSIONS,
    LISTS,
    Doubles,
    Fusion,
    FusionName,
    LinearRanker,
)
from training.text_search.index import SearchIndex, best_first
from training.text_search.judged import Judged

DEPTH = 10  # of the NDCG that fits and chooses
FEWEST = 10  # queries; fewer say nothing about a weight
_WEIGHTS = tuple(np.round(np.linspace(0, 1, 21), 2).tolist())  # of the dense list
_FOLDS = 5
_MOST_PAIRS = 500  # of one query: more of the same few products
_PULL = 1.0  # sklearn's C, where all pairs of a query weigh 1 together


@dataclass(frozen=True)
class Case:
    """A query's candidates, what they are worth, and the best DCG that could be reached."""

    pool: Pool
    gains: Doubles  # (C,)
    ideal: float
    columns: Floats  # (C, F)

    def ndcg(self, fused: Doubles) -> float:
        """Of the order that a search shows."""
        return dcg(self.gains[best_first(self.pool, fused)]) / self.ideal


def fit_fusion(
    index: SearchIndex, judged: Iterable[Judged], *, progress: Callable[[str], None]
) -> SearchIndex:
    """The index with the fusion that fits the queries."""
    cases = [case for one in judged if (case := case_of(index, one)) is not None]
    fusion = fitted(cases, index.fusion)
    progress(f"search: fusion {fusion.name} on {len(cases)} queries; {fusion.reason}")
    return replace(index, fusion=fusion)


def case_of(index: SearchIndex, judged: Judged) -> Case | None:
    """None where nothing good could be found, so that no order is better than another."""
    worth = {index.catalogue.row_of[one]: gain for one, gain in judged.gains.items()
             if one in index.catalogue.row_of}  # fmt: skip
    ideal = dcg(-np.sort(-np.array(list(worth.values()), dtype=np.float64)))
    if not ideal:
        return None
    allowed, depth = None, index.knobs.depth
    if judged.is_closed:
        allowed, depth = np.zeros(len(index.catalogue), dtype=np.bool_), len(worth)
        allowed[list(worth)] = True
    pool = index.candidates(judged.query, allowed, depth=depth)
    gains = np.array([worth.get(row, 0.0) for row in pool.item.tolist()])
    return Case(pool, gains, ideal, index.columns(judged.query, pool))


def fitted(cases: Sequence[Case], default: Fusion) -> Fusion:
    """Fitted on all cases; its name is the way that did best on cases that did not fit it."""
    if len(cases) < FEWEST:
        return replace(default, reason=f"{len(cases)} queries are too few to fit it on")
    reached = cross_validated(cases, default)
    name = max(reached, key=lambda one: (reached[one], one == default.name))
    return replace(
        _fit(cases, default),
        name=name,
        reached=reached,
        reason=f"NDCG@{DEPTH} {reached[name]:.3f} on queries that did not fit it",
    )


def cross_validated(cases: Sequence[Case], default: Fusion) -> dict[FusionName, float]:
    """Mean NDCG of each way that every fold could fit; queries are dealt to folds in turn."""
    found: dict[FusionName, list[float]] = {name: [] for name in FUSIONS}
    for fold in range(_FOLDS):
        fusion = _fit([case for at, case in enumerate(cases) if at % _FOLDS != fold], default)
        for case in cases[fold::_FOLDS]:
            for name in fusion.ways():
                found[name].append(case.ndcg(_fused(fusion, case, name)))
    whole = {name: values for name, values in found.items() if len(values) == len(cases)}
    return {name: round(float(np.mean(values)), 6) for name, values in whole.items()}


def _fit(cases: Sequence[Case], default: Fusion) -> Fusion:
    alone = [np.mean([case.ndcg(_fused(default, case, name)) for case in cases]) for name in LISTS]
    order = tuple(LISTS[at] for at in np.argsort(-np.array(alone), kind="stable"))
    quota: dict[str, int] = dict(zip(order, (4, 2), strict=True))
    weight, ranker = _weight(cases, default), _ranker(cases)
    return replace(default, dense_weight=weight, order=order, quota=quota, ranker=ranker)


def _weight(cases: Sequence[Case], default: Fusion) -> float:
    """Of those within one standard error of the best, in the same queries, the nearest one."""
    tried = [replace(default, dense_weight=weight) for weight in _WEIGHTS]
    found = np.array([[c.ndcg(_fused(one, c, "convex")) for c in cases] for one in tried])  # (W, Q)
    best = found[found.mean(axis=1).argmax()]
    behind = best - found
    error = behind.std(axis=1) / np.sqrt(len(cases))
    is_as_good = behind.mean(axis=1) <= error
    distance = np.abs(np.array(_WEIGHTS) - default.dense_weight)
    return float(_WEIGHTS[int(np.where(is_as_good, distance, np.inf).argmin())])


def _ranker(cases: Sequence[Case]) -> LinearRanker | None:
    """Pairwise: which of two candidates of a query is better; None where no two differ."""
    everything = np.concatenate([case.columns for case in cases]).astype(np.float64)
    means, scales = everything.mean(axis=0), everything.std(axis=0)
    scales[scales == 0] = 1.0
    pairs, weights = [], []
    for number, case in enumerate(cases):
        better, worse = _pairs(case.gains, number)
        if len(better):
            pairs.append((case.columns[better] - case.columns[worse]) / scales)
            weights.append(np.full(len(better), 1 / len(better)))
    if not pairs:
        return None
    apart, weight = np.concatenate(pairs), np.concatenate(weights)
    both = np.concatenate([apart, -apart])  # each pair both ways round: no side is the right one
    said = np.repeat([1, 0], len(apart))
    model = LogisticRegression(C=_PULL, fit_intercept=False, max_iter=1_000)
    model.fit(both, said, sample_weight=np.tile(weight / 2, 2))
    found = model.coef_[0]
    assert len(found) == len(COLUMNS)
    return LinearRanker(tuple(means.tolist()), tuple(scales.tolist()), tuple(found.tolist()))


def _pairs(gains: Doubles, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    better, worse = np.nonzero(gains[:, None] > gains[None, :])
    if len(better) > _MOST_PAIRS:
        draw = np.random.default_rng(seed)
        kept = np.sort(draw.choice(len(better), _MOST_PAIRS, replace=False))
        better, worse = better[kept], worse[kept]
    return better, worse


def _fused(fusion: Fusion, case: Case, name: FusionName) -> Doubles:
    return fusion.fuse(case.pool, lambda: case.columns, name)


def dcg(gains: Doubles) -> float:
    """Of the first 10; a gain counts as it is given."""
    first = gains[:DEPTH]
    return float((first / np.log2(np.arange(2, len(first) + 2))).sum())
