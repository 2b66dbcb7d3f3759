"""One data set of sequences: choose knobs on validation, fit, propose, judge, fuse, judge again.

Nothing here sees a test target before the last step of a model, and no choice is made after it.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from recommenders_figures import Figures, Ground
from recommenders_fused import measure_fusions
from recommenders_models import Recipe, recipes
from recommenders_peers import measure_peers
from recommenders_protocols import Effort, Protocol
from recommenders_sasrec import fit_sasrec_proposals
from recommenders_task import Answer, Task, judge_alone, say

from training.content.train import title_vectors
from training.item_neighbours.train import interactions
from training.knobs import choose_knobs
from training.retrievers import Proposals, propose
from training.sequences import Requests, Split
from training.single_target import places


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
    taught = split.validation.sample(effort.taught_requests, 1)
    task = Task(split, taught, protocol, effort, _ground(split, titles))
    made = recipes(
        item_count=split.known.item_count,
        in_time_order=protocol.in_time_order,
        repeats=not protocol.hides_seen,
        titles=titles,
    )
    answers = {recipe.name: _one_model(recipe, task) for recipe in made}
    floors = tuple(recipe.name for recipe in made if recipe.is_floor)
    figures: Figures = {
        "protocol": _described(task, of_titles=bool(titles)),
        "floors": {name: answers[name].figures for name in floors},
        **{name: answer.figures for name, answer in answers.items()},
    }
    if len(split.learned.item) > effort.sasrec_most_acts:
        figures["sasrec"] = {"not_run": "one epoch would take more than a quick table has"}
    elif effort.with_sasrec:
        answers["sasrec"] = _sasrec(task, titles, work)
        figures["sasrec"] = answers["sasrec"].figures
    figures["fused"] = measure_fusions(answers, task, floors)
    if peers is not None:
        figures["peers"] = measure_peers(task, peers, work)
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
    figures = judge_alone(test, task) | {
        "knobs": asdict(choice.config),
        "knobs_tried": choice.tried,
        "validation": round(choice.reached, 5),
        "knobs_seconds": round(chose - started, 1),
        "fit_seconds": round(fitted - begun, 2),
        "users_per_second": round(len(split.test) / max(scored - fitted, 1e-9)),
    }
    say(recipe.name, figures)
    return Answer(validation, test, figures)


def _sasrec(task: Task, titles: Sequence[str], work: Path) -> Answer:
    validation, test, facts = fit_sasrec_proposals(
        task.split,
        task.taught,
        titles=titles,
        kept=task.effort.kept,
        hides_seen=task.protocol.hides_seen,
        seconds=task.effort.sasrec_seconds,
        work=work,
    )
    figures = judge_alone(test, task) | facts
    say("sasrec", figures)
    return Answer(validation, test, figures)


def _propose(retriever: Any, requests: Requests, protocol: Protocol, kept: int) -> Proposals:
    return propose(retriever, requests.histories, k=kept, hide_seen=protocol.hides_seen)


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
