"""A lesson as batches of numbers: which rows come when, their tokens, and what is right of each.

Dimensions: N examples, L tokens. What an epoch draws follows from the seed and its number alone, so
that a resumed training draws what the killed one would have. Knows no files.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.encoder.readable import readable
from training.fine_tuning.augmentation import augmented, is_augmented
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Labels, Lesson
from training.fine_tuning.model import TunedModel, tokenise_placed

IGNORED = -100  # torch's own mark for places without a label
_POOL = 16  # batches among which examples are sorted by length: less padding to compute


@dataclass(frozen=True)
class Batch:
    """N examples: tokens, targets (N,) or (N, L), and how much each of them counts."""

    given: dict[str, Tensor]
    target: Tensor
    weight: Tensor  # like target
    size: int

    def part(self, begin: int, end: int) -> "Batch":
        """Some of the examples, padded as the whole is."""
        given = {name: value[begin:end] for name, value in self.given.items()}
        return Batch(
            given, self.target[begin:end], self.weight[begin:end], min(end, self.size) - begin
        )

    @property
    def counted(self) -> int:
        """Targets that are judged."""
        return max(int((self.target != IGNORED).sum()), 1)


def shuffled(lesson: Lesson, knobs: FineTuning, epoch: int) -> Iterator[Labels]:
    """Rows of an epoch's batches: shuffled, sorted by length within a pool, shuffled again."""
    draw = np.random.default_rng((knobs.seed, epoch))
    order = draw.permutation(len(lesson))
    sizes = np.array([len(text) for text in lesson.texts.first])
    if lesson.texts.second:
        sizes = sizes + np.array([len(text) for text in lesson.texts.second])
    batches = []
    for begin in range(0, len(order), knobs.batch * _POOL):
        pool = order[begin : begin + knobs.batch * _POOL]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        batches += [pool[at : at + knobs.batch] for at in range(0, len(pool), knobs.batch)]
    for number in draw.permutation(len(batches)):
        yield batches[number]


def batch_of(
    model: TunedModel, lesson: Lesson, rows: Labels, knobs: FineTuning, *, epoch: int = 0
) -> Batch:
    """The rows of a lesson as numbers; with an ``epoch``, its texts changed as that epoch does."""
    taken = lesson.take(rows)
    texts = taken.texts
    if epoch and is_augmented(knobs):
        texts = augmented(texts, [int(row) for row in rows], knobs, epoch)
    second = [readable(text) for text in texts.second] or None
    given = tokenise_placed(
        model.tokenizer, [readable(text) for text in texts.first], second, length=model.length
    )
    target = _targets(taken, model.head, given.pop("offset_mapping"))
    weight = torch.ones(target.shape)
    if taken.weights is not None:
        each = torch.from_numpy(taken.weights)
        weight = each.reshape(-1, *(1,) * (target.dim() - 1)).expand_as(target)
    device = next(model.network.parameters()).device
    moved = {name: value.to(device) for name, value in given.items()}
    return Batch(moved, target.to(device), weight.to(device), len(rows))


def _targets(lesson: Lesson, head: Head, places: Tensor) -> Tensor:
    """(N,) classes, or (N, L) marks: 0 outside, 1 + 2k begins kind k, 2 + 2k goes on with it."""
    if head.kind == "classes":
        assert lesson.labels is not None  # a lesson of classes has them
        return torch.from_numpy(lesson.labels)
    begins, ends = places[..., 0], places[..., 1]
    marks = torch.zeros(begins.shape, dtype=torch.long)
    marks[ends <= begins] = IGNORED
    for row, spans in enumerate(lesson.spans):
        for span in spans:
            kind = head.labels.index(span.label)
            inside = (begins[row] < span.end) & (ends[row] > span.start) & (marks[row] != IGNORED)
            where = torch.nonzero(inside).flatten()
            marks[row, where] = 2 + 2 * kind
            marks[row, where[:1]] = 1 + 2 * kind
    return marks
