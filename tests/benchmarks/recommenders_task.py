"""A data set under a protocol: what every model of it is given, and how its answers are judged."""

import sys
from dataclasses import dataclass

import numpy as np
from recommenders_figures import Figures, Ground, judged
from recommenders_protocols import Effort, Protocol, Values

from training.retrievers import Proposals
from training.sequences import Requests, Split
from training.single_target import places


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


def judge_alone(test: Proposals, task: Task) -> Figures:
    return judge(places(test, task.split.test.target), test.items, task)


def judge(place: Values, lists: np.ndarray, task: Task) -> Figures:
    return judged(values_of(place, task.protocol), lists, task.ground)


def values_of(place: Values, protocol: Protocol) -> dict[str, Values]:
    return {name: of_places(place) for name, of_places in protocol.metrics.items()}


def say(name: str, figures: Figures) -> None:
    shown = {k: v for k, v in figures.items() if isinstance(v, float | int)}
    sys.stderr.write(f"{name}: {shown}\n")
    sys.stderr.flush()
