"""One data set of sequences: choose knobs on validation, fit, propose, judge, fuse, judge again.

Nothing here sees a test target before the last step of a model, and no choice is made after it.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from recommenders_models import Recipe, recipes
from recommenders_sasrec import fit_sasrec_proposals

from training.fusion.model import pool_of
from training.fusion.train import FUSIONS, FittedFusion, FusionConfig, fit_fusion, places_of
from training.knobs import choose_knobs
from training.retrievers import Proposals, propose
from training.sequences import Requests, Split
from training.single_target import Interval, bootstrap, hits, ndcg, places, reciprocal

Figures = dict[str, Any]
Values = np.ndarray


@dataclass(frozen=True)
class Protocol:
    """What may be proposed, and what is measured."""

    name: str
    hides_seen: bool
    in_time_order: bool  # are later sequences of the file newer?
    metrics: dict[str, Callable[[Values], Values]]
    judge: Callable[[Values], Values]  # what choices are made by


LEAVE_ONE_OUT = Protocol(
    name="leave-one-out",
    hides_seen=True,
    in_time_order=False,
    metrics={"ndcg_at_10": lambda p: ndcg(p, 10), "hr_at_10": lambda p: hits(p, 10)},
    judge=lambda p: ndcg(p, 10),
)
SESSIONS = Protocol(
    name="sessions",
    hides_seen=False,
    in_time_order=True,
    metrics={"p_at_20": lambda p: hits(p, 20), "mrr_at_20": lambda p: reciprocal(p, 20)},
    judge=lambda p: hits(p, 20) + reciprocal(p, 20),
)


@dataclass(frozen=True)
class Effort:
    """How much is tried; ``--quick`` is rough."""

    knob_requests: int = 6_000  # validation requests that choose a model's knobs
    knob_rounds: int = 1
    kept: int = 100  # proposals of a retriever per request
    taught_requests: int = 30_000  # validation requests that teach the fusion
    fusion: FusionConfig = field(default_factory=FusionConfig)
    sasrec_acts: int = 10_000_000  # looked at while learning, over all epochs
    with_sasrec: bool = True


QUICK = Effort(
    knob_requests=1_500,
    kept=60,
    taught_requests=8_000,
    fusion=FusionConfig(trees=100, learning_rate=0.1),
    sasrec_acts=500_000,
)


def measure_sequences(
    split: Split, protocol: Protocol, effort: Effort, *, titles: Sequence[str] = ()
) -> Figures:
    """Every model alone, the floors, and every fusion of them."""
    figures: Figures = {"protocol": _described(split, protocol), "floors": {}}
    taught = split.validation.sample(effort.taught_requests, 1)
    validation, test = {}, {}
    for recipe in recipes(
        item_count=split.known.item_count,
        in_time_order=protocol.in_time_order,
        repeats=not protocol.hides_seen,
        titles=titles,
    ):
        found = _one_model(recipe, split, taught, protocol, effort)
        validation[recipe.name], test[recipe.name], measured = found
        (figures["floors"] if recipe.is_floor else figures)[recipe.name] = measured
    if effort.with_sasrec:
        started = time.monotonic()
        validation["sasrec"], test["sasrec"], facts = fit_sasrec_proposals(
            split,
            taught,
            kept=effort.kept,
            hides_seen=protocol.hides_seen,
            most_acts=effort.sasrec_acts,
        )
        alone = _judged(places(test["sasrec"], split.test.target), split.test, protocol)
        figures["sasrec"] = alone | facts | {"seconds": round(time.monotonic() - started, 1)}
        _say("sasrec", figures["sasrec"])
    figures["fused"] = _fused(validation, test, taught, split, protocol, effort)
    return figures


def _one_model(
    recipe: Recipe, split: Split, taught: Requests, protocol: Protocol, effort: Effort
) -> tuple[Proposals, Proposals, Figures]:
    """Choose knobs on a sample of validation, fit on what the protocol allows, judge the test."""
    judged = split.validation.sample(effort.knob_requests, 0)

    def reached(config: Any) -> float:
        found = _propose(recipe.fit(split.known, config), judged, protocol, 20)
        return float(protocol.judge(places(found, judged.target)).mean())

    started = time.monotonic()
    choice = choose_knobs(recipe.config, recipe.options, reached, rounds=effort.knob_rounds)
    chose = time.monotonic()
    validation = _propose(recipe.fit(split.known, choice.config), taught, protocol, effort.kept)
    begun = time.monotonic()
    retriever = recipe.fit(split.learned, choice.config)
    fitted = time.monotonic()
    test = _propose(retriever, split.test, protocol, effort.kept)
    scored = time.monotonic()
    figures = _judged(places(test, split.test.target), split.test, protocol) | {
        "knobs": asdict(choice.config),
        "knobs_tried": choice.tried,
        "validation": round(choice.reached, 5),
        "knobs_seconds": round(chose - started, 1),
        "fit_seconds": round(fitted - begun, 2),
        "requests_per_second": round(len(split.test) / max(scored - fitted, 1e-9)),
    }
    _say(recipe.name, figures)
    return validation, test, figures


def _propose(retriever: Any, requests: Requests, protocol: Protocol, kept: int) -> Proposals:
    return propose(retriever, requests.histories, k=kept, hide_seen=protocol.hides_seen)


def _fused(
    validation: dict[str, Proposals],
    test: dict[str, Proposals],
    taught: Requests,
    split: Split,
    protocol: Protocol,
    effort: Effort,
) -> Figures:
    """Fit every fusion on validation, judge each on the test; the chosen one is ``fused``."""
    item_count = split.known.item_count
    started = time.monotonic()
    pool = pool_of(validation, item_count=item_count, k=effort.kept)
    counts = np.bincount(split.known.item, minlength=item_count).astype(np.float32)
    fusion = fit_fusion(pool, taught, popularity=counts, judge=protocol.judge, config=effort.fusion)
    fitted = time.monotonic()
    found = _judge_fusions(fusion, test, split, protocol, effort)
    chosen = found[fusion.chosen]
    sys.stderr.write(f"fused: {fusion.chosen} was best on validation: {fusion.reached}\n")
    return {
        **{key: value for key, value in chosen.items() if key != "validation"},
        **found,
        "chosen": fusion.chosen,
        "weights": dict(zip(pool.names, fusion.weights.astype(float).round(4), strict=True)),
        "order": list(fusion.order),
        "trees": fusion.learned.booster.best_iteration,
        "fit_seconds": round(fitted - started, 1),
        "score_seconds": round(time.monotonic() - fitted, 1),
    }


def _judge_fusions(
    fusion: FittedFusion,
    test: dict[str, Proposals],
    split: Split,
    protocol: Protocol,
    effort: Effort,
) -> Figures:
    """Requests are fused in parts, so that memory stays bounded."""
    popular = np.bincount(split.learned.item, minlength=split.learned.item_count)
    learned = replace(fusion.learned, popularity=popular.astype(np.float32))
    fusion = replace(fusion, learned=learned)
    parts: dict[str, list[Values]] = {name: [] for name in FUSIONS}
    for begin in range(0, len(split.test), 10_000):
        at = np.arange(begin, min(begin + 10_000, len(split.test)))
        requests = split.test.at(at)
        lists = {name: Proposals(p.items[at], p.scores[at]) for name, p in test.items()}
        pool = pool_of(lists, item_count=split.known.item_count, k=effort.kept)
        target = pool.target_rows(requests.target)
        for name in FUSIONS:
            fused = fusion.fuse(name, pool, requests.histories)
            parts[name].append(places_of(pool, fused, target))
    found = {}
    for name in FUSIONS:
        found[name] = _judged(np.concatenate(parts[name]), split.test, protocol)
        found[name]["validation"] = round(fusion.reached[name], 5)
        _say(f"fused by {name}", found[name])
    return found


def _judged(place: Values, requests: Requests, protocol: Protocol) -> Figures:
    """Each metric with its 95 % interval over users or sessions."""
    figures: Figures = {}
    for name, values in protocol.metrics.items():
        interval: Interval = bootstrap(values(place), requests.group)
        figures[name] = round(interval.mean, 5)
        figures[f"{name}_interval"] = [round(interval.low, 5), round(interval.high, 5)]
    return figures


def _described(split: Split, protocol: Protocol) -> Figures:
    return {
        "name": protocol.name,
        "items": split.known.item_count,
        "acts_taught": len(split.learned.item),
        "validation_requests": len(split.validation),
        "test_requests": len(split.test),
        "test_groups": len(np.unique(split.test.group)),
        "seen_hidden": protocol.hides_seen,
    }


def _say(name: str, figures: Figures) -> None:
    shown = {k: v for k, v in figures.items() if isinstance(v, float | int)}
    sys.stderr.write(f"{name}: {shown}\n")
    sys.stderr.flush()
