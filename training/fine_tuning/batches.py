"""Batches of a lesson: tokens, what is right of them, how much each counts, and the loss.

Dimensions: N examples, L tokens, C classes, R counted places (texts, or tokens of texts). Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from training.encoder.model import tokenise
from training.encoder.readable import readable
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson, Texts
from training.fine_tuning.model import outputs_of

_IGNORED = -100  # torch's own mark for places without a label
_POOL = 16  # batches among which examples are sorted by length: less padding to compute

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """N examples as the network reads them; marks of places that do not count are ``_IGNORED``."""

    given: dict[str, Tensor]
    target: Int[Tensor, " n"] | Int[Tensor, "n l"]
    weights: Float[Tensor, " n"]

    @property
    def is_counted(self) -> Bool[Tensor, " n"] | Bool[Tensor, "n l"]:
        """Which places have a target."""
        return self.target != _IGNORED

    @property
    def places(self) -> int:
        """R: how many places have a target."""
        return int(self.is_counted.sum())

    def loss(self, logits: Tensor, class_weights: Tensor | None = None) -> Tensor:
        """The sum over places of the cross entropy, each weighed by its class and its example."""
        each = nn.functional.cross_entropy(
            logits.flatten(0, -2), self.target.flatten(), weight=class_weights, reduction="none"
        )
        return (each.view(len(self.weights), -1).sum(dim=1) * self.weights).sum()

    def predicted(self, logits: Tensor) -> tuple[Int[Tensor, " r"], Int[Tensor, " r"]]:
        """At counted places: what is right, and the most probable answer."""
        return self.target[self.is_counted], logits.argmax(dim=-1)[self.is_counted]


def batch_of(tokenizer: Any, lesson: Lesson, head: Head, *, length: int, device: str) -> Batch:
    """A lesson whose texts are readable, as one batch."""
    texts = lesson.texts
    given = tokenise(tokenizer, texts.first, texts.second or None, length=length, has_places=True)
    target = _targets(lesson, head, given.pop("offset_mapping"))
    weights = torch.ones(len(lesson)) if lesson.weights is None else torch.tensor(lesson.weights)
    return Batch(
        {name: value.to(device) for name, value in given.items()},
        target.to(device),
        weights.float().to(device),
    )


def prepared(lesson: Lesson) -> Lesson:
    """The lesson with readable texts, and with weights whose mean is 1."""
    texts = Texts(
        tuple(readable(text) for text in lesson.texts.first),
        tuple(readable(text) for text in lesson.texts.second),
    )
    weights = lesson.weights
    if weights is not None:
        weights = (weights / max(float(weights.mean()), 1e-12)).astype(np.float32)
    return Lesson(texts, lesson.labels, lesson.spans, weights)


def in_order(lesson: Lesson, batch: int) -> Iterator[Rows]:
    """Every row once, texts of like length together."""
    order = np.argsort(_sizes(lesson.texts), kind="stable")
    for begin in range(0, len(order), batch):
        yield order[begin : begin + batch]


def shuffled(
    lessons: Sequence[Lesson], knobs: FineTuning, epoch: int
) -> Iterator[tuple[int, Rows]]:
    """An epoch of all lessons: the number of a lesson and rows of it, lessons in drawn turns.

    Rows are shuffled, sorted by length within a pool of batches, and the batches shuffled again.
    """
    draw = np.random.default_rng((knobs.seed, epoch))
    batches: list[tuple[int, Rows]] = []
    for number, lesson in enumerate(lessons):
        order, sizes = draw.permutation(len(lesson)), _sizes(lesson.texts)
        for begin in range(0, len(order), knobs.batch * _POOL):
            pool = order[begin : begin + knobs.batch * _POOL]
            pool = pool[np.argsort(sizes[pool], kind="stable")]
            cuts = range(0, len(pool), knobs.batch)
            batches += [(number, pool[at : at + knobs.batch]) for at in cuts]
    for place in draw.permutation(len(batches)):
        yield batches[place]


def count_batches(lessons: Sequence[Lesson], batch: int) -> int:
    """How many batches an epoch has."""
    return sum(-(-len(lesson) // batch) for lesson in lessons)


def class_weights(lesson: Lesson, head: Head) -> Float[Tensor, " c"]:
    """Each class's weight, so that all classes weigh alike and an example weighs 1 on average."""
    assert lesson.labels is not None  # a lesson of classes has them
    counts = np.bincount(lesson.labels, minlength=outputs_of(head)).clip(min=1)
    return torch.tensor(counts.sum() / (len(counts) * counts), dtype=torch.float32)


def _sizes(texts: Texts) -> Rows:
    sizes = np.array([len(text) for text in texts.first], dtype=np.int64)
    if texts.second:
        sizes += np.array([len(text) for text in texts.second], dtype=np.int64)
    return sizes


def _targets(lesson: Lesson, head: Head, places: Tensor) -> Tensor:
    """(N,) classes, or (N, L) marks: 0 outside, 1 + 2k begins kind k, 2 + 2k goes on with it."""
    if head.kind == "classes":
        assert lesson.labels is not None  # a lesson of classes has them
        return torch.from_numpy(lesson.labels)
    begins, ends = places[..., 0], places[..., 1]
    marks = torch.zeros(begins.shape, dtype=torch.long)
    marks[ends <= begins] = _IGNORED
    for row, spans in enumerate(lesson.spans):
        for span in spans:
            kind = head.labels.index(span.label)
            inside = (begins[row] < span.end) & (ends[row] > span.start) & (marks[row] != _IGNORED)
            where = torch.nonzero(inside).flatten()
            marks[row, where] = 2 + 2 * kind
            marks[row, where[:1]] = 1 + 2 * kind
    return marks
