"""Learn the matcher from labelled pairs: a forest, K networks, and the lines that join them.

Dimensions: N pairs, K folds. Pure but for the networks; reading files is ``pairs.py``. No pair is
scored by what learned from it: forest and networks are fitted on the other folds, and lines,
thresholds and what may be ruled out follow from those scores. Equal pairs share a fold.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from governance.errors import InputError
from training.duplicates.config import Matching
from training.duplicates.evidence import NAMES, Doubles, Evidence
from training.duplicates.model import (
    DuplicateMatcher,
    Line,
    forest_scores,
    reading_scores,
)
from training.duplicates.networks import Teacher, onward
from training.duplicates.pairs import Ints, Pairs
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.taught import Progress, TaughtText, Watch

_RIDGE = 1e-3  # keeps a line finite where the scores part the labels
_LEAST_EACH = 6  # pairs of each label below which folds hold too few to fit anything


@dataclass(frozen=True)
class FittedMatcher:
    """The matcher, and the scores of its training pairs by what did not learn from them."""

    matcher: DuplicateMatcher
    crossed: Doubles  # (N,) fused probabilities
    read: int  # pairs the words did not rule out
    networks: tuple[TaughtText, ...]  # those of the matcher, each with the fold it did not learn

    @property
    def curve(self) -> list[dict[str, float]]:
        """Every epoch of one network after the other, numbered onward."""
        return onward(*(network.curve for network in self.networks))


def fit_matcher(
    pairs: Pairs,
    encoder: Encoder | None,
    *,
    matching: Matching,
    reading: FineTuning,
    checkpoint: Path | None = None,
    progress: Progress = lambda _: None,
    watch: Watch = lambda _: None,
) -> FittedMatcher:
    """Learn from all ``pairs``; without an encoder the words alone decide.

    With ``checkpoint`` each network keeps one under that name and its number, and a killed run goes
    on after the last epoch.
    """
    _refuse_few(pairs.labels)
    evidence = Evidence.fit(pairs.listings())
    columns, folds = evidence.columns(pairs), folds_of(pairs, matching)
    words = _crossed_words(columns, pairs.labels, folds, matching)
    by_words = fit_line(words[:, None], pairs.labels)
    matcher = DuplicateMatcher(
        evidence=evidence,
        forest=_forest(columns, pairs.labels, matching),
        networks=(),
        by_words=by_words,
        by_both=by_words,
        least_read=float(np.quantile(words[pairs.labels == 1], matching.ruled_out)),
        threshold=0.5,
    )
    crossed = by_words.probability(words[:, None])
    read, taught = np.flatnonzero(words >= matcher.least_read), list[TaughtText]()
    if encoder is not None:
        progress(f"{len(read)} of {len(pairs)} pairs are to be read")
        shown, scores = pairs.take(read), np.empty(len(read))
        teacher = Teacher(encoder, reading, checkpoint, progress, watch)
        for fold in range(matching.folds):
            taught.append(teacher.teach(shown, folds[read] == fold, taught))
            out = np.flatnonzero(folds[read] == fold)
            scores[out] = reading_scores([taught[-1].model], shown.take(out))
        both = np.stack([words[read], scores], axis=1)
        by_both = fit_line(both, pairs.labels[read])
        crossed[read] = by_both.probability(both)
        networks = tuple(network.model for network in taught)
        matcher = replace(matcher, networks=networks, by_both=by_both)
    matcher = replace(matcher, threshold=best_threshold(crossed, pairs.labels))
    return FittedMatcher(matcher, crossed, len(read), tuple(taught))


def folds_of(pairs: Pairs, matching: Matching) -> Ints:
    """(N,) fold of each pair: both labels are spread evenly, equal pairs stay together."""
    draw = np.random.default_rng(matching.seed)
    order = draw.permutation(len(pairs))
    order = order[np.argsort(pairs.labels[order], kind="stable")]
    folds = np.empty(len(pairs), dtype=np.int64)
    kept: dict[frozenset[str], int] = {}
    for place, row in enumerate(order):
        sides = frozenset((pairs.first[row].text, pairs.second[row].text))
        folds[row] = kept.setdefault(sides, place % matching.folds)
    return folds


def fit_line(scores: Doubles, labels: Ints) -> Line:
    """Logistic regression with a small ridge and no weight below zero.

    More evidence of sameness never makes a pair less likely to be the same.
    """
    columns = np.column_stack([scores, np.ones(len(scores))])

    def short(weights: Doubles) -> tuple[float, Doubles]:
        logits = columns @ weights
        loss = np.logaddexp(0.0, logits) - labels * logits
        miss = 1 / (1 + np.exp(-logits)) - labels
        slope = columns.T @ miss / len(labels) + 2 * _RIDGE * weights
        return float(loss.mean() + _RIDGE * (weights**2).sum()), slope

    width = scores.shape[1]
    bounds = [(0.0, None)] * width + [(None, None)]
    found = minimize(short, np.zeros(width + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    return Line(tuple(float(weight) for weight in found[:-1]), float(found[-1]))


def best_threshold(probabilities: Doubles, labels: Ints) -> float:
    """Where F1 is best: the middle between the last pair accepted and the next."""
    order = np.argsort(-probabilities, kind="stable")
    right = np.cumsum(labels[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + labels.sum())
    at = int(f1.argmax())
    below = probabilities[order[min(at + 1, len(order) - 1)]]
    return float((probabilities[order[at]] + below) / 2)


def f1_of(said: NDArray[np.bool_], labels: Ints) -> float:
    """Of what is said to be a duplicate; 0 where nothing is and nothing is said."""
    return float(2 * (said & (labels == 1)).sum() / max(said.sum() + labels.sum(), 1))


def _crossed_words(columns: Doubles, labels: Ints, folds: Ints, matching: Matching) -> Doubles:
    """(N,) log odds of the forest that did not learn a pair's fold."""
    found = np.empty(len(labels))
    for fold in range(matching.folds):
        out = folds == fold
        forest = _forest(columns[~out], labels[~out], matching)
        found[out] = forest_scores(forest, columns[out])
    return found


def _forest(columns: Doubles, labels: Ints, matching: Matching) -> lgb.Booster:
    knobs = {
        "objective": "binary", "num_leaves": matching.leaves, "learning_rate": matching.tree_rate,
        "min_data_in_leaf": matching.least_rows, "bagging_fraction": 0.8, "bagging_freq": 1,
        "feature_fraction": 0.6, "seed": matching.seed, "verbose": -1, "num_threads": 1,
        "deterministic": True, "force_row_wise": True,
    }  # fmt: skip
    taught = lgb.Dataset(columns, labels, feature_name=list(NAMES))
    return lgb.train(knobs, taught, num_boost_round=matching.trees)


def _refuse_few(labels: Ints) -> None:
    counts = np.bincount(labels, minlength=2)
    if counts.min() < _LEAST_EACH:
        raise InputError(
            f"{counts[1]} duplicates and {counts[0]} other pairs are too few to learn from",
            where="training pairs",
            why=f"each fold needs some: at least {_LEAST_EACH} of each",
        )
