"""Which ranker is released: the setting's, or the best learned one on the validation window.

A LightGBM forest, a deep network, both as one (``blended_ranker.py``), or a fusion of what the
retrievers say by rule, weights or reciprocal rank (``recommender/fused_ranker.py``). All learn from
the same lists and are judged by the same figure: NDCG@10 of the validation lists against the whole
basket behind each, ties counted against the ranker. Of the learned ones both as one stand, unless
one alone is better by more than a standard error: two rankers differ by chance from seed to seed,
their sum does not (docs/DECISIONS.md). All figures go into the model card.
``recommender/config.py`` reads the knobs; serving reads neither this nor torch.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.blended_ranker import BlendedRanker, blended, spread_of
from training.calibration.model import BASKET_COLUMN
from training.calibration.train import FittedCalibration, Scored, calibrate
from training.candidate_ranker import CandidateRanker
from training.deep_ranker.config import DeepRankerSettings
from training.metrics import lists_ndcg
from training.ranker.train import Lists, RankerConfig, fit_ranker, lists_of
from training.recommender.fused_ranker import FUSED, pool_of
from training.recommender.fused_train import fit_fused
from training.training_set import TrainingSet

RankerName = Literal[
    "lightgbm", "deep", "blended", "best", "rule_based", "convex", "reciprocal_rank"
]
_LEARNED: Mapping[RankerName, tuple[str, ...]] = {  # what each asks to be trained
    "lightgbm": ("lightgbm",),
    "deep": ("deep",),
    "blended": ("lightgbm", "deep"),
    "best": ("lightgbm", "deep"),
}
Progress = Callable[[str], None]


@dataclass(frozen=True)
class ReleaseSettings:
    """Knobs; their effects are in ``recommender.yaml``."""

    ranker: RankerName = "best"
    calibrate: bool = True


@dataclass(frozen=True)
class ChosenRanker:
    """The ranker that answers, what each candidate reached on validation, and its calibration."""

    ranker: CandidateRanker
    name: str
    reached: Mapping[str, float]  # validation NDCG@10 by name, of those that were trained
    calibration: FittedCalibration | None

    @property
    def card(self) -> dict[str, object]:
        """What the model card says of the choice."""
        return {"name": self.name, "validation_ndcg_at_10": dict(self.reached)}


@dataclass(frozen=True)
class Judged:
    """The validation lists with the user behind each."""

    lists: Lists
    user_ids: tuple[str, ...]

    def ndcg(self, scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """NDCG@10 of each list that has a basket behind it."""
        lists = self.lists
        return lists_ndcg(scores, lists.label > 0, lists.sizes, lists.relevant)


def choose_ranker(
    training_set: TrainingSet,
    *,
    release: ReleaseSettings,
    config: RankerConfig,
    deep: DeepRankerSettings,
    seed: int,
    threads: int,
    progress: Progress,
) -> ChosenRanker:
    """Fit what is asked for, keep the best on the validation lists, calibrate it."""
    judged = _judged(training_set, config)
    found: dict[str, tuple[CandidateRanker, npt.NDArray[np.float64]]] = {}
    learned = _LEARNED.get(release.ranker, ())
    if "lightgbm" in learned:
        fitted = fit_ranker(
            training_set, config=config, seed=seed, threads=threads, progress=progress
        )
        found["lightgbm"] = fitted.ranker, fitted.validation_scores
    if "deep" in learned:
        seeded = replace(deep, training=replace(deep.training, seed=seed))
        found["deep"] = _deep(training_set, settings=seeded, progress=progress)
    if len(learned) > 1:
        found["blended"] = _blended(list(found.values()), judged.lists.sizes)
    for wanted in FUSED:
        if release.ranker == wanted:
            fused = fit_fused(training_set, name=wanted, seed=seed)
            pool = pool_of(judged.lists.values, training_set.retrieval, _starts(judged.lists))
            found[wanted] = fused, fused.fused(pool)
    by_list = {name: judged.ndcg(scores) for name, (_, scores) in found.items()}
    name = best_of(by_list) if release.ranker == "best" else release.ranker
    reached = {name: float(values.mean()) for name, values in by_list.items()}
    progress(f"ranker {name}: validation NDCG@10 {reached}")
    ranker, scores = found[name]
    calibration = _calibration(judged, scores, ranker, seed) if release.calibrate else None
    return ChosenRanker(ranker, name, reached, calibration)


def best_of(by_list: Mapping[str, npt.NDArray[np.float64]]) -> str:
    """``blended``, unless another is better by more than a standard error of the difference.

    ``by_list`` holds each ranker's NDCG@10 of the same lists.
    """
    alone = max(by_list.keys() - {"blended"}, key=lambda name: (by_list[name].mean(), name))
    gain = by_list[alone] - by_list["blended"]
    return alone if gain.mean() > gain.std() / math.sqrt(len(gain)) else "blended"


def _starts(lists: Lists) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lists.sizes)]).astype(np.int64)


def _blended(
    parts: Sequence[tuple[CandidateRanker, npt.NDArray[np.float64]]], sizes: npt.NDArray[np.int64]
) -> tuple[CandidateRanker, npt.NDArray[np.float64]]:
    spreads = tuple(spread_of(scores, sizes) for _, scores in parts)
    ranker = BlendedRanker(tuple(one for one, _ in parts), spreads)
    return ranker, blended([scores for _, scores in parts], spreads)


def _deep(
    training_set: TrainingSet, *, settings: DeepRankerSettings, progress: Progress
) -> tuple[CandidateRanker, npt.NDArray[np.float64]]:
    from training.deep_ranker.train import fit_deep_ranker

    fitted = fit_deep_ranker(training_set, settings=settings, progress=progress)
    return fitted.ranker, fitted.validation_scores


def _calibration(
    judged: Judged, scores: npt.NDArray[np.float64], ranker: CandidateRanker, seed: int
) -> FittedCalibration | None:
    lists = judged.lists
    baskets = lists.values[:, ranker.retrieval.index(BASKET_COLUMN)]
    scored = Scored(scores, baskets, lists.label > 0, lists.sizes)
    return calibrate(scored, judged.user_ids, seed=seed)


def _judged(training_set: TrainingSet, config: RankerConfig) -> Judged:
    table = training_set.table.filter(pc.equal(training_set.table["window"], "validation"))
    lists = lists_of(training_set, "validation", config.synthetic_weight)
    firsts = pa.array(np.cumsum(lists.sizes) - lists.sizes)
    return Judged(lists, tuple(table["user_id"].take(firsts).to_pylist()))
