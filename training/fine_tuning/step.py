"""The gradients of one batch: in parts where memory is short, pushed where asked for."""

import numpy as np

from training.fine_tuning.adversarial import Push
from training.fine_tuning.augmentation import augmented, is_augmented
from training.fine_tuning.batches import Batch, Rows, batch_of, class_weights
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Lesson
from training.fine_tuning.model import TunedModel
from training.fine_tuning.task import Task

_LOSS_SCALE = 1024.0  # in float16 small gradients would vanish; fixed, so nothing has to be kept


def add_gradients(
    model: TunedModel, task: Task, rows: Rows, knobs: FineTuning, epoch: int
) -> float:
    """Add up the gradients of a batch, part by part; its mean loss."""
    model.network.train()
    if knobs.method == "frozen":
        model.network.encoder.eval()  # what does not learn is not disturbed either
    parts = [
        _batch(model, task, part, knobs, epoch)
        for part in np.array_split(rows, min(knobs.accumulate, len(rows)))
    ]
    places = max(sum(part.places for part in parts), 1)
    scale = _LOSS_SCALE if knobs.precision == "float16" else 1.0
    weights = None
    if knobs.is_class_weighted:
        weights = class_weights(task.taught, task.head).to(knobs.device)

    def learn(part: Batch) -> float:
        loss = part.loss(model.logits(part.given), weights) / places
        (loss * scale).backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    total = 0.0
    for part in parts:
        if not knobs.adversarial:
            total += learn(part)
            continue
        with Push(model.network.encoder, knobs.adversarial) as push:
            total += learn(part)
            push.turn()
            learn(part)
    for value in model.network.parameters():
        if value.grad is not None and scale != 1:
            value.grad /= scale
    return total


def _batch(model: TunedModel, task: Task, rows: Rows, knobs: FineTuning, epoch: int) -> Batch:
    lesson = task.taught.take(rows)
    if is_augmented(knobs):
        texts = augmented(lesson.texts, rows.tolist(), knobs, epoch)
        lesson = Lesson(texts, lesson.labels, lesson.spans, lesson.weights)
    return batch_of(model.tokenizer, lesson, task.head, length=knobs.length, device=knobs.device)
