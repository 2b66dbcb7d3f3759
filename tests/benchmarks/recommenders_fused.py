"""The fusions of one data set: taught on validation, judged on the test; one is chosen."""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from recommenders_figures import LIST, Figures, above, means
from recommenders_protocols import Values
from recommenders_task import Answer, Task, judge, say, values_of

from training.fusion.model import pool_of
from training.fusion.train import FUSIONS, FittedFusion, fit_fusion, places_of
from training.retrievers import Proposals
from training.single_target import places

_PART = 10_000  # requests fused at once, so that memory stays bounded


def measure_fusions(answers: dict[str, Answer], task: Task, floors: Sequence[str]) -> Figures:
    """Fit every fusion on validation, judge each on the test; the chosen one is ``fused``."""
    started = time.monotonic()
    fusion, names = _fitted(answers, task)
    fitted = time.monotonic()
    sys.stderr.write(f"fused: {fusion.chosen} was best on validation: {fusion.reached}\n")
    place, lists = _fuse_test(fusion, answers, task)
    found = {}
    for name in FUSIONS:
        found[name] = means(values_of(place[name], task.protocol), task.ground.group)
        found[name]["validation"] = round(fusion.reached[name], 5)
        say(f"fused by {name}", found[name])
    return {
        **judge(place[fusion.chosen], lists, task),
        "above_floors": _above_floors(place[fusion.chosen], answers, task, floors),
        **found,
        "chosen": fusion.chosen,
        "weights": dict(zip(names, fusion.weights.astype(float).round(4), strict=True)),
        "order": list(fusion.order),
        "trees": fusion.learned.booster.best_iteration,
        "fit_seconds": round(fitted - started, 1),
        "score_seconds": round(time.monotonic() - fitted, 1),
    }


def _fitted(answers: dict[str, Answer], task: Task) -> tuple[FittedFusion, tuple[str, ...]]:
    """Taught by validation requests and what was known before them; and the retrievers' names."""
    item_count = task.split.known.item_count
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
    return fusion, pool.names


def _above_floors(
    place: Values, answers: dict[str, Answer], task: Task, floors: Sequence[str]
) -> Figures:
    """The paired difference to each floor, request by request."""
    ours, test = values_of(place, task.protocol), task.split.test
    found = {name: places(answers[name].test, test.target) for name in floors}
    return {
        name: above(ours, values_of(floor, task.protocol), test.group)
        for name, floor in found.items()
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
