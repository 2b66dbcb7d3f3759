"""How well a tuned model answers a lesson: loss, macro-F1, accuracy. Pure.

Dimensions: N examples, R counted places. Of a head of tokens the places are tokens, and macro-F1
is over kinds of span, "outside" left out; spans whole are judged by the task itself.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from training.fine_tuning.batches import Batch, batch_of, in_order
from training.fine_tuning.lesson import Head, Lesson
from training.fine_tuning.model import HeadedModel

_BATCH = 64  # texts; without gradients memory is no matter
_Kinds = NDArray[np.int64]


class Figures(NamedTuple):
    """On a lesson that was not taught."""

    validation_loss: float
    macro_f1: float
    accuracy: float


def judge(model: HeadedModel, lesson: Lesson) -> Figures:
    """The figures of a model on a lesson whose texts are readable."""
    batches = batches_of(model, lesson)
    return figures_of(model.head, ((batch, model.answer(batch.given)) for batch in batches))


def batches_of(model: HeadedModel, lesson: Lesson) -> Iterator[Batch]:
    """The lesson as the model reads it, every example once, in the CPU's memory."""
    for rows in in_order(lesson, _BATCH):
        yield batch_of(
            model.tokenizer, lesson.take(rows), model.head, length=model.length, device="cpu"
        )


def figures_of(head: Head, answered: Iterable[tuple[Batch, Tensor]]) -> Figures:
    """The figures of a lesson's batches and the logits that were given of each."""
    loss, places, is_of_tokens = 0.0, 0, head.kind == "tokens"
    right: list[_Kinds] = [np.empty(0, np.int64)]
    found: list[_Kinds] = [np.empty(0, np.int64)]
    for batch, logits in answered:
        loss += float(batch.loss(logits))
        places += batch.places
        wanted, said = batch.predicted(logits)
        right.append(wanted.numpy())
        found.append(said.numpy())
    truth, answer = np.concatenate(right), np.concatenate(found)
    accuracy = float((truth == answer).mean()) if len(truth) else 0.0
    if is_of_tokens:
        truth, answer = (truth + 1) // 2, (answer + 1) // 2  # begins or goes on with: one kind
    return Figures(loss / max(places, 1), macro_f1(truth, answer, without_0=is_of_tokens), accuracy)


def macro_f1(truth: _Kinds, answer: _Kinds, *, without_0: bool = False) -> float:
    """The mean F1 over all classes that are there or are answered; 0 without any."""
    classes = np.union1d(truth, answer)
    scores = []
    for kind in classes[classes > 0] if without_0 else classes:
        both = np.count_nonzero((truth == kind) & (answer == kind))
        either = np.count_nonzero(truth == kind) + np.count_nonzero(answer == kind)
        scores.append(2 * both / either)
    return float(np.mean(scores)) if scores else 0.0
