"""Which ranker is released: the setting's, or the better learned one on the validation window.

A LightGBM forest, a deep network, or a fusion of what the retrievers say by rule, weights or
reciprocal rank (``recommender/fused_ranker.py``). All learn from the same lists and are judged by
the same figure: NDCG@10 of the validation lists against the whole basket behind each, ties counted
against the ranker. Of the two learned ones only a figure that is strictly better takes the place of
LightGBM's; both go into the model card. ``recommender/config.py`` reads the knobs; serving reads
neither this nor torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.calibration.model import BASKET_COLUMN
from training.calibration.train import FittedCalibration, Scored, calibrate
from training.candidate_ranker import CandidateRanker
from training.deep_ranker.config import DeepRankerSettings
from training.metrics import list_ndcg
from training.ranker.train import Lists, RankerConfig, fit_ranker, lists_of
from training.recommender.fused_ranker import FUSED, pool_of
from training.recommender.fused_train import fit_fused
from training.training_set import TrainingSet

RankerName = Literal["lightgbm", "deep", "best", "rule_based", "convex", "reciprocal_rank"]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class ReleaseSettings:
    """Knobs; their effects are in ``recommender.yaml``."""

    ranker: RankerName = "lightgbm"
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

    def ndcg(self, scores: npt.NDArray[np.floating]) -> float:
        lists = self.lists
        return list_ndcg(scores, lists.label > 0, lists.sizes, lists.relevant)


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
    """Fit what is asked for, keep the better on the validation lists, calibrate it."""
    judged = _judged(training_set, config)
    found: dict[str, tuple[CandidateRanker, npt.NDArray[np.float64]]] = {}
    if release.ranker in ("lightgbm", "best"):
        fitted = fit_ranker(
            training_set, config=config, seed=seed, threads=threads, progress=progress
        )
        found["lightgbm"] = fitted.ranker, fitted.validation_scores
    if release.ranker in ("deep", "best"):
        seeded = replace(deep, training=replace(deep.training, seed=seed))
        found["deep"] = _deep(training_set, judged, settings=seeded, progress=progress)
    for wanted in FUSED:
        if release.ranker == wanted:
            fused = fit_fused(training_set, name=wanted, seed=seed)
            pool = pool_of(judged.lists.values, training_set.retrieval, _starts(judged.lists))
            found[wanted] = fused, fused.fused(pool)
    reached = {name: judged.ndcg(scores) for name, (_, scores) in found.items()}
    name = better_of(reached)
    progress(f"ranker {name}: validation NDCG@10 {reached}")
    ranker, scores = found[name]
    calibration = _calibration(judged, scores, ranker, seed) if release.calibrate else None
    return ChosenRanker(ranker, name, reached, calibration)


def better_of(reached: Mapping[str, float]) -> str:
    """The name that reached most; LightGBM's unless another is strictly better."""
    return max(sorted(reached, key=lambda name: name != "lightgbm"), key=lambda name: reached[name])


def _starts(lists: Lists) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lists.sizes)]).astype(np.int64)


def _deep(
    training_set: TrainingSet, judged: Judged, *, settings: DeepRankerSettings, progress: Progress
) -> tuple[CandidateRanker, npt.NDArray[np.float64]]:
    from training.deep_ranker.train import fit_deep_ranker

    fitted = fit_deep_ranker(training_set, settings=settings, progress=progress)
    return fitted.ranker, fitted.ranker.scores_of(judged.lists.values)


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
