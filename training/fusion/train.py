"""Learn how to fuse, on validation requests only: convex weights, then a LambdaMART forest.

Four of five groups (users, sessions) teach; the fifth stops the forest and chooses between the
fusions. No model's own training data is used, so scores mean here what they mean at answer time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from governance.errors import InputError
from training.fusion.learned import FusionColumns, LearnedFusion, column_names
from training.fusion.model import Pool, by_reciprocal_rank, by_rule, by_weights
from training.retrievers import Histories
from training.sequences import Requests
from training.shop_data import Floats, Longs
from training.single_target import MISSED

Judge = Callable[[Longs], npt.NDArray[np.float64]]  # places -> a value per request
Fused = npt.NDArray[np.floating]
_STEPS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4)  # tried for a weight beside the others


@dataclass(frozen=True)
class FusionConfig:
    """Knobs with their effects."""

    trees: int = 400  # upper bound; early stopping ends sooner
    patience: int = 30  # trees without a better list
    learning_rate: float = 0.05
    leaves: int = 31
    min_rows_in_leaf: int = 200
    columns_per_tree: float = 0.6
    depth_of_list: int = 20  # pairs below this rank teach nothing
    most_rows: int = 3_000_000  # candidates that teach; 400 MB as float32
    stop_share: int = 5  # one group in so many stops and chooses
    seed: int = 0
    threads: int = 2


@dataclass(frozen=True)
class FittedFusion:
    """Every fusion as fitted, its validation value, and the best one's name."""

    order: tuple[str, ...]
    quota: dict[str, int]
    weights: Floats
    learned: LearnedFusion
    reached: dict[str, float]

    @property
    def chosen(self) -> str:
        """The name of the fusion that did best on validation."""
        return max(self.reached, key=lambda name: self.reached[name])

    def fuse(self, name: str, pool: Pool, histories: Histories) -> Fused:
        """One number per candidate by the named fusion."""
        if name == "rule_based":
            return by_rule(pool, self.order, self.quota)
        if name == "reciprocal_rank":
            return by_reciprocal_rank(pool)
        if name == "convex":
            return by_weights(pool.normalised(), self.weights)
        return self.learned.fuse(pool, histories)


FUSIONS = ("rule_based", "reciprocal_rank", "convex", "learned")


def fit_fusion(
    pool: Pool, requests: Requests, *, popularity: Floats, judge: Judge, config: FusionConfig
) -> FittedFusion:
    """``pool`` holds the retrievers' proposals for the validation ``requests``."""
    stops = requests.group % config.stop_share == 0
    if stops.all() or not stops.any():
        raise InputError(
            "there are too few sequences to choose a fusion on",
            where="the validation requests",
            why=f"every {config.stop_share}th judges what the others fitted, and one side is empty",
            next_step="give more sequences",
        )
    normalised, target = pool.normalised(), pool.target_rows(requests.target)

    def reached(fused: Fused, judged: npt.NDArray[np.bool_]) -> float:
        return float(judge(places_of(pool, fused, target))[judged].mean())

    alone = {name: reached(normalised[:, i], ~stops) for i, name in enumerate(pool.names)}
    order = tuple(sorted(alone, key=lambda name: -alone[name]))
    weights = climbed_weights(pool, normalised, order, lambda fused: reached(fused, ~stops))
    seen = FusionColumns(pool, requests.histories, weights, popularity)
    booster = _forest(seen, target, stops, config)
    quota = {name: max(4 >> turn, 1) for turn, name in enumerate(order)}  # 4, 2, 1, 1, ...
    fitted = FittedFusion(order, quota, weights, LearnedFusion(booster, weights, popularity), {})
    for name in FUSIONS:
        fitted.reached[name] = reached(fitted.fuse(name, pool, requests.histories), stops)
    return fitted


def places_of(pool: Pool, fused: Fused, target: Longs) -> Longs:
    """Place of each request's target row, ties against it; MISSED where nobody proposed it."""
    found = np.flatnonzero(target >= 0)
    own = np.full(len(pool), np.inf)
    own[found] = fused[target[found]]
    not_worse = np.r_[0, np.cumsum(fused >= own[pool.request()])]
    place = np.full(len(pool), MISSED, dtype=np.int64)
    place[found] = (not_worse[pool.starts[1:]] - not_worse[pool.starts[:-1]])[found]
    return place


def climbed_weights(
    pool: Pool, normalised: Floats, order: tuple[str, ...], reached: Callable[[Fused], float]
) -> Floats:
    """Convex weights that reach most, in the pool's order of retrievers.

    The best retriever weighs 1; the others are tried one by one beside it, twice over.
    """
    weights = np.zeros(len(pool.names), dtype=np.float32)
    weights[pool.names.index(order[0])] = 1.0
    fused = by_weights(normalised, weights)
    best = reached(fused)
    for name in order[1:] + order[1:]:
        column = pool.names.index(name)
        others = fused - weights[column] * normalised[:, column]
        for step in _STEPS:
            if (value := reached(others + np.float32(step) * normalised[:, column])) > best:
                best, weights[column] = value, step
        fused = others + weights[column] * normalised[:, column]
    weights /= weights.sum()
    return weights


def _forest(
    seen: FusionColumns, target: Longs, stops: npt.NDArray[np.bool_], config: FusionConfig
) -> lgb.Booster:
    """LambdaMART over lists that hold their target."""
    found = np.flatnonzero(target >= 0)
    teaching, stopping = found[~stops[found]], found[stops[found]]
    if not len(teaching) or not len(stopping):
        raise InputError(
            "no retriever proposes enough of what came next to learn a fusion from",
            where="the validation requests",
            why=f"a target is proposed in {len(teaching)} that teach, in {len(stopping)} that stop",
            next_step="give more sequences, or let the retrievers propose more",
        )
    mean_size = max(len(seen.pool.item) / max(len(seen.pool), 1), 1)
    most = int(config.most_rows / mean_size)
    draw = np.random.default_rng(config.seed)
    if len(teaching) > most:
        teaching = np.sort(draw.choice(teaching, most, replace=False))
    if len(stopping) > most // 4:
        stopping = np.sort(draw.choice(stopping, most // 4, replace=False))
    learned = _dataset(seen, target, teaching)
    return lgb.train(
        _parameters(config),
        learned,
        num_boost_round=config.trees,
        valid_sets=[_dataset(seen, target, stopping, reference=learned)],
        callbacks=[lgb.early_stopping(config.patience, verbose=False)],
    )


def _parameters(config: FusionConfig) -> dict[str, object]:
    return {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [config.depth_of_list],
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.min_rows_in_leaf,
        "feature_fraction": config.columns_per_tree,
        "lambdarank_truncation_level": config.depth_of_list,
        "seed": config.seed,
        "num_threads": config.threads,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }


def _dataset(
    seen: FusionColumns, target: Longs, requests: Longs, reference: lgb.Dataset | None = None
) -> lgb.Dataset:
    pool = seen.pool
    wanted = np.zeros(len(pool), dtype=np.bool_)
    wanted[requests] = True
    rows = np.flatnonzero(wanted[seen.request])
    label = np.zeros(len(pool.item), dtype=np.int8)
    label[target[requests]] = 1
    return lgb.Dataset(
        seen.of(rows),
        label=label[rows],
        group=np.diff(pool.starts)[requests],
        feature_name=column_names(pool.names),
        reference=reference,
        free_raw_data=True,
    )
