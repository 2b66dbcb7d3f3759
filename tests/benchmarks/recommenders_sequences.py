"""One data set of sequences: choose knobs on validation, fit, propose, judge, fuse, judge again.

Nothing here sees a test target before the last step of a model, and no choice is made after it.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from recommenders_figures import LIST, Figures, Ground, above, judged
from recommenders_models import Recipe, recipes
from recommenders_peers import measure_peers
from recommenders_protocols import Effort, Protocol, Values
from recommenders_sasrec import fit_sasrec_proposals

from training.content.train import title_vectors
from training.fusion.model import pool_of
from training.fusion.train import FUSIONS, FittedFusion, fit_fusion, places_of
from training.item_neighbours.train import interactions
from training.knobs import choose_knobs
from training.retrievers import Proposals, propose
from training.sequences import Requests, Split
from training.single_target import places

_PART = 10_000  # requests fused at once, so that memory stays bounded


@dataclass(frozen=True)
class Task:
    """One data set under one protocol, and how much is tried on it."""

    split: Split
    taught: Requests  # the validation requests that teach the fusion
    protocol: Protocol
    effort: Effort
    ground: Ground


@dataclass(frozen=True)
class Answer:
    """A model's proposals for those who teach the fusion and for those who judge."""

    validation: Proposals
    test: Proposals
    figures: Figures


def measure_sequences(
    split: Split,
    protocol: Protocol,
    effort: Effort,
    *,
    titles: Sequence[str] = (),
    work: Path,
    peers: Path | None = None,
) -> Figures:
    """Every model alone, the floors, every fusion of them, and peers where there is a Python."""
    split = replace(split, test=_drawn(split.test, effort.test_requests))
    task = Task(
        split=split,
        taught=split.validation.sample(effort.taught_requests, 1),
        protocol=protocol,
        effort=effort,
        ground=_ground(split, titles),
    )
    figures: Figures = {"protocol": _described(task, of_titles=bool(titles)), "floors": {}}
    answers: dict[str, Answer] = {}
    for recipe in recipes(
        item_count=split.known.item_count,
        in_time_order=protocol.in_time_order,
        repeats=not protocol.hides_seen,
        titles=titles,
    ):
        answers[recipe.name] = _one_model(recipe, task)
        shelf = figures["floors"] if recipe.is_floor else figures
        shelf[recipe.name] = answers[recipe.name].figures
    if effort.with_sasrec:
        answers["sasrec"] = _sasrec(task, work)
        figures["sasrec"] = answers["sasrec"].figures
    figures["fused"] = _fused(answers, task, tuple(figures["floors"]))
    if peers is not None:
        figures["peers"] = _peers(task, peers, work)
    return figures


def _one_model(recipe: Recipe, task: Task) -> Answer:
    """Choose knobs on a sample of validation, fit on what the protocol allows, judge the test."""
    split, protocol, kept = task.split, task.protocol, task.effort.kept
    judge_on = split.validation.sample(task.effort.knob_requests, 0)

    def reached(config: Any) -> float:
        found = _propose(recipe.fit(split.known, config), judge_on, protocol, 20)
        return float(protocol.judge(places(found, judge_on.target)).mean())

    started = time.monotonic()
    rounds = task.effort.knob_rounds
    choice = choose_knobs(recipe.config, recipe.options, reached, rounds=rounds)
    chose = time.monotonic()
    validation = _propose(recipe.fit(split.known, choice.config), task.taught, protocol, kept)
    begun = time.monotonic()
    retriever = recipe.fit(split.learned, choice.config)
    fitted = time.monotonic()
    test = _propose(retriever, split.test, protocol, kept)
    scored = time.monotonic()
    figures = _judge_alone(test, task) | {
        "knobs": asdict(choice.config),
        "knobs_tried": choice.tried,
        "validation": round(choice.reached, 5),
        "knobs_seconds": round(chose - started, 1),
        "fit_seconds": round(fitted - begun, 2),
        "users_per_second": round(len(split.test) / max(scored - fitted, 1e-9)),
    }
    _say(recipe.name, figures)
    return Answer(validation, test, figures)


def _sasrec(task: Task, work: Path) -> Answer:
    validation, test, facts = fit_sasrec_proposals(
        task.split,
        task.taught,
        kept=task.effort.kept,
        hides_seen=task.protocol.hides_seen,
        seconds=task.effort.sasrec_seconds,
        work=work,
    )
    figures = _judge_alone(test, task) | facts
    _say("sasrec", figures)
    return Answer(validation, test, figures)


def _propose(retriever: Any, requests: Requests, protocol: Protocol, kept: int) -> Proposals:
    return propose(retriever, requests.histories, k=kept, hide_seen=protocol.hides_seen)


def _fused(answers: dict[str, Answer], task: Task, floors: Sequence[str]) -> Figures:
    """Fit every fusion on validation, judge each on the test; the chosen one is ``fused``."""
    item_count, started = task.split.known.item_count, time.monotonic()
    validation = {name: answer.validation for name, answer in answers.items()}
    pool = pool_of(validation, item_count=item_count, k=task.effort.kept)
    counts = np.bincount(task.split.known.item, minlength=item_count).astype(np.float32)
    fusion = fit_fusion(
        pool,
        task.taught,
        popularity=counts,
        judge=task.protocol.judge,
        config=task.effort.fusion,
    )
    fitted = time.monotonic()
    sys.stderr.write(f"fused: {fusion.chosen} was best on validation: {fusion.reached}\n")
    place, lists = _fuse_test(fusion, answers, task)
    found = {name: _judge(place[name], lists, task, in_full=False) for name in FUSIONS}
    for name in FUSIONS:
        found[name]["validation"] = round(fusion.reached[name], 5)
        _say(f"fused by {name}", found[name])
    ours, test = _values(place[fusion.chosen], task.protocol), task.split.test
    above_floors = {
        name: above(
            ours, _values(places(answers[name].test, test.target), task.protocol), test.group
        )
        for name in floors
    }
    return {
        **_judge(place[fusion.chosen], lists, task),
        "above_floors": above_floors,
        **found,
        "chosen": fusion.chosen,
        "weights": dict(zip(pool.names, fusion.weights.astype(float).round(4), strict=True)),
        "order": list(fusion.order),
        "trees": fusion.learned.booster.best_iteration,
        "fit_seconds": round(fitted - started, 1),
        "score_seconds": round(time.monotonic() - fitted, 1),
    }


def _fuse_test(
    fusion: FittedFusion, answers: dict[str, Answer], task: Task
) -> tuple[dict[str, Values], np.ndarray]:
    """Places of the targets by each fusion, and the lists of the chosen one."""
    split = task.split
    popular = np.bincount(split.learned.item, minlength=split.learned.item_count)
    learned = replace(fusion.learned, popularity=popular.astype(np.float32))
    fusion = replace(fusion, learned=learned)
    parts: dict[str, list[Values]] = {name: [] for name in FUSIONS}
    lists = np.empty((len(split.test), LIST), dtype=np.int32)
    for begin in range(0, len(split.test), _PART):
        at = np.arange(begin, min(begin + _PART, len(split.test)))
        requests = split.test.at(at)
        kept = {n: Proposals(a.test.items[at], a.test.scores[at]) for n, a in answers.items()}
        pool = pool_of(kept, item_count=split.known.item_count, k=task.effort.kept)
        target = pool.target_rows(requests.target)
        for name in FUSIONS:
            fused = fusion.fuse(name, pool, requests.histories)
            parts[name].append(places_of(pool, fused, target))
            if name == fusion.chosen:
                lists[at] = pool.best(fused, LIST).items
    return {name: np.concatenate(found) for name, found in parts.items()}, lists


def _peers(task: Task, python: Path, work: Path) -> Figures:
    """Peers answer the same requests; their lists are judged here as ours are."""
    found: Figures = {}
    for name, peer in measure_peers(task.split, task.protocol, task.effort, python, work).items():
        judge = {} if peer.proposals is None else _judge_alone(peer.proposals, task)
        found[name] = judge | peer.facts
        _say(f"peer {name}", found[name])
    return found


def _judge_alone(test: Proposals, task: Task) -> Figures:
    return _judge(places(test, task.split.test.target), test.items, task)


def _judge(place: Values, lists: np.ndarray, task: Task, *, in_full: bool = True) -> Figures:
    figures = judged(_values(place, task.protocol), lists, task.ground)
    kept = (*task.protocol.metrics, "interval")
    return figures if in_full else {name: figures[name] for name in kept}


def _values(place: Values, protocol: Protocol) -> dict[str, Values]:
    return {name: of_places(place) for name, of_places in protocol.metrics.items()}


def _ground(split: Split, titles: Sequence[str]) -> Ground:
    """Items are alike by title where there are titles, else by who acted on them."""
    learned, test = split.learned, split.test
    counts = np.bincount(learned.item, minlength=learned.item_count)
    return Ground(
        group=test.group,
        acts_before=np.array([len(history) for history in test.histories]),
        counts=counts,
        likeness=title_vectors(titles) if titles else interactions(learned).T.tocsr(),
        target_counts=counts[test.target],
    )


def _drawn(requests: Requests, most: int) -> Requests:
    """Whole users or sessions, drawn until there are about ``most`` requests."""
    groups, sizes = np.unique(requests.group, return_counts=True)
    if len(requests) <= most:
        return requests
    order = np.random.default_rng(2).permutation(len(groups))
    chosen = groups[order[np.cumsum(sizes[order]) <= most]]
    return requests.at(np.flatnonzero(np.isin(requests.group, chosen)))


def _described(task: Task, *, of_titles: bool) -> Figures:
    split = task.split
    return {
        "name": task.protocol.name,
        "items": split.known.item_count,
        "acts_taught": len(split.learned.item),
        "validation_requests": len(split.validation),
        "test_requests": len(split.test),
        "test_groups": len(np.unique(split.test.group)),
        "seen_hidden": task.protocol.hides_seen,
        "items_ranked": "all",
        "diversity_of": "titles" if of_titles else "who acted on the items",
    }


def _say(name: str, figures: Figures) -> None:
    shown = {k: v for k, v in figures.items() if isinstance(v, float | int)}
    sys.stderr.write(f"{name}: {shown}\n")
    sys.stderr.flush()
