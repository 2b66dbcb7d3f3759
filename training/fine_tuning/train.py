"""Learn heads on an encoder: the one training loop of every text task.

    tuned = fine_tune(load_encoder(), head, taught, validation, FineTuning(), progress=print)

Several tasks learn together on one encoder with :func:`fine_tune_together`. Dimensions: N examples,
L tokens, C classes. Same seed, same bytes on the same device, also after a kill and a resumption.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn

from training.best_epoch import Course
from training.encoder.model import Encoder, fast_arithmetic
from training.fine_tuning.adversarial import Push
from training.fine_tuning.augmentation import refuse_moved_spans
from training.fine_tuning.batches import IGNORED, Batch, batch_of, shuffled
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson
from training.fine_tuning.methods import adapt
from training.fine_tuning.model import HeadedNetwork, TunedModel, outputs_of
from training.fine_tuning.optimiser import optimiser_of, take_step
from training.fine_tuning.task import Task, subject_of

Curve = list[dict[str, float]]
Progress = Callable[[str], None]
Watch = Callable[[Curve], None]  # sees the curve after each epoch; may raise to stop


@dataclass(frozen=True)
class Tuned:
    """The model of the best epoch and the curve that led there: loss and validation by epoch."""

    model: TunedModel
    curve: Curve


def fine_tune(
    encoder: Encoder,
    head: Head,
    taught: Lesson,
    validation: Lesson | None,
    knobs: FineTuning,
    *,
    checkpoint: Path | None = None,
    progress: Progress = lambda _: None,
    watch: Watch = lambda _: None,
) -> Tuned:
    """Learn one task; the epoch that is best on ``validation`` is kept, without one the last.

    A run that was killed goes on from ``checkpoint`` to the same bytes.
    """
    tasks = [Task(head, taught, validation)]
    found = fine_tune_together(
        encoder, tasks, knobs, checkpoint=checkpoint, progress=progress, watch=watch
    )
    return found[0]


def fine_tune_together(
    encoder: Encoder,
    tasks: Sequence[Task],
    knobs: FineTuning,
    *,
    checkpoint: Path | None = None,
    progress: Progress = lambda _: None,
    watch: Watch = lambda _: None,
) -> list[Tuned]:
    """Learn several heads on one shared encoder, their batches mixed; the models share it after."""
    for task in tasks:
        refuse_moved_spans(task.head, knobs)
    torch.manual_seed(knobs.seed)
    adapted = adapt(copy.deepcopy(encoder.network), knobs)
    models = _models(adapted.network, encoder, tasks, knobs)
    learned = nn.ModuleList([models[0].network, *(model.network.out for model in models[1:])])
    lesson = _Lesson(models, tasks, knobs)
    course = Course(
        learned,
        optimiser_of(models, knobs),
        subject=subject_of(encoder, tasks, knobs),
        checkpoint=checkpoint,
        metric=knobs.chosen_by,
        is_lower_better=knobs.chosen_by == "validation_loss",
    )
    for epoch in course.epochs(knobs.epochs, knobs.patience):
        torch.manual_seed(knobs.seed * 1_000 + epoch)  # so that a resumed epoch drops the same
        learned.train()
        course.note({"loss": lesson.learn(course.optimiser, epoch)}, lesson.judge())
        progress(course.line(" and ".join(task.head.name for task in tasks)))
        watch(course.state.curve)
    course.end()
    network = adapted.finish()
    for model in models:
        model.network.encoder = network
        model.network.eval()
    return [Tuned(model, course.state.curve) for model in models]


@dataclass(frozen=True)
class _Lesson:
    """The epochs of a fine-tuning: what is learned in one, and what it then reaches."""

    models: Sequence[TunedModel]
    tasks: Sequence[Task]
    knobs: FineTuning

    def learn(self, optimiser: torch.optim.Optimizer, epoch: int) -> float:
        """One pass over every task's examples; the mean loss of the steps."""
        plan = [
            (number, rows)
            for number, task in enumerate(self.tasks)
            for rows in shuffled(task.taught, self.knobs, epoch)
        ]
        order = np.random.default_rng((self.knobs.seed, epoch, 1)).permutation(len(plan))
        weights = [_class_weights(task, self.knobs) for task in self.tasks]
        losses = []
        for step, place in enumerate(order if len(self.tasks) > 1 else range(len(plan))):
            number, rows = plan[place]
            model, taught = self.models[number], self.tasks[number].taught
            batch = batch_of(model, taught, rows, self.knobs, epoch=epoch)
            losses.append(self._backward(model, batch, weights[number]))
            gone = (epoch - 1) * len(plan) + step
            take_step(optimiser, gone, len(plan) * self.knobs.epochs, self.knobs)
        return float(np.mean(losses))

    def judge(self) -> dict[str, float]:
        """Means over the tasks that have a validation: loss, and macro-F1 of those with classes."""
        judged = [
            _judge(model, task.validation, self.knobs)
            for model, task in zip(self.models, self.tasks, strict=True)
            if task.validation is not None
        ]
        names = judged[0].keys() if judged else ()
        return {name: float(np.mean([each[name] for each in judged])) for name in names}

    def _backward(self, model: TunedModel, batch: Batch, weight: Tensor | None) -> float:
        """Gradients of a batch, part after part; with a push, of its worst neighbour too."""
        size, counted, total = -(-batch.size // self.knobs.accumulate), batch.counted, 0.0
        for begin in range(0, batch.size, size):
            part = batch.part(begin, min(begin + size, batch.size))
            if self.knobs.adversarial > 0:
                with Push(model.network.encoder, self.knobs.adversarial) as push:
                    loss = _loss(model, part, weight, self.knobs) / counted
                    loss.backward()  # type: ignore[no-untyped-call]
                    push.turn()
                    (_loss(model, part, weight, self.knobs) / counted).backward()  # type: ignore[no-untyped-call]
            else:
                loss = _loss(model, part, weight, self.knobs) / counted
                loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        return total


def _loss(model: TunedModel, batch: Batch, weight: Tensor | None, knobs: FineTuning) -> Tensor:
    """The summed cross entropy of a batch, examples weighed."""
    with fast_arithmetic(knobs.device, knobs.precision):
        logits = model.network(**batch.given)
    each = nn.functional.cross_entropy(
        logits.flatten(0, -2), batch.target.flatten(), weight=weight, ignore_index=IGNORED,
        reduction="none",
    )  # fmt: skip
    return (each * batch.weight.flatten()).sum()


def _judge(model: TunedModel, lesson: Lesson, knobs: FineTuning) -> dict[str, float]:
    model.network.eval()
    total, counted, said = 0.0, 0, []
    with torch.inference_mode():
        for begin in range(0, len(lesson), knobs.batch):
            rows = np.arange(begin, min(begin + knobs.batch, len(lesson)))
            batch = batch_of(model, lesson, rows, knobs)
            total += _loss(model, batch, None, knobs).item()
            counted += batch.counted
            if model.head.kind == "classes" and knobs.chosen_by == "macro_f1":
                said.append(model.network(**batch.given).argmax(dim=-1).cpu().numpy())
    found = {"validation_loss": total / max(counted, 1)}
    if said:
        found["macro_f1"] = float(f1_score(lesson.labels, np.concatenate(said), average="macro"))
    return found


def _models(
    network: nn.Module, encoder: Encoder, tasks: Sequence[Task], knobs: FineTuning
) -> list[TunedModel]:
    models = []
    for task in tasks:
        headed = HeadedNetwork(network, task.head, dropout=knobs.dropout).to(knobs.device)
        models.append(TunedModel(encoder.tokenizer, headed, task.head, knobs.length))
    return models


def _class_weights(task: Task, knobs: FineTuning) -> Tensor | None:
    if not knobs.is_class_weighted or task.taught.labels is None:
        return None
    counts = np.bincount(task.taught.labels, minlength=outputs_of(task.head)).clip(min=1)
    return torch.tensor(
        counts.sum() / (len(counts) * counts), dtype=torch.float32, device=knobs.device
    )
