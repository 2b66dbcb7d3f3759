"""Learn a head on an encoder: the one training loop of every text task.

    tuned = fine_tune(load_encoder(), head, taught, validation, FineTuning(), progress=print)

Dimensions: N examples, L tokens, C classes. Same seed, device and threads: same bytes, also when
the run was killed and went on from its checkpoint. ``fine_tune_together`` teaches several heads on
one shared encoder.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.best_epoch import Course, mixed_seed
from training.encoder.model import Encoder
from training.fine_tuning.batches import count_batches, shuffled
from training.fine_tuning.config import FineTuning
from training.fine_tuning.judge import Figures, judge
from training.fine_tuning.lesson import Head, Lesson
from training.fine_tuning.methods import adapt
from training.fine_tuning.model import HeadedNetwork, TunedModel
from training.fine_tuning.step import add_gradients
from training.fine_tuning.step_size import optimiser_of, set_step_size
from training.fine_tuning.task import Task, ready, subject_of

_REMEDY = "lower learning_rate, or use precision: float32"
_LONGEST_GRADIENT = 1.0  # a batch that pulls harder is cut to this


@dataclass(frozen=True)
class Tuned:
    """The model of the best epoch and the curve that led there: loss and validation by epoch."""

    model: TunedModel
    curve: list[dict[str, float]]


def fine_tune(
    encoder: Encoder,
    head: Head,
    taught: Lesson,
    validation: Lesson | None,
    knobs: FineTuning,
    *,
    progress: Callable[[str], None] = lambda _: None,
    checkpoint: Path | None = None,
    watch: Callable[[list[dict[str, float]]], None] = lambda _: None,
) -> Tuned:
    """Learn ``taught``; the epoch that is best on ``validation`` is kept, else the last.

    With ``checkpoint`` the state after each epoch is kept there, and a call that finds one goes on
    from it. ``watch`` is given the curve after each epoch; what it raises ends the training.
    """
    task = Task(head, taught, validation)
    return fine_tune_together(
        encoder, [task], knobs, progress=progress, checkpoint=checkpoint, watch=watch
    )[0]


def fine_tune_together(
    encoder: Encoder,
    tasks: Sequence[Task],
    knobs: FineTuning,
    *,
    progress: Callable[[str], None] = lambda _: None,
    checkpoint: Path | None = None,
    watch: Callable[[list[dict[str, float]]], None] = lambda _: None,
) -> list[Tuned]:
    """Learn several tasks in turns of a batch, on one encoder; the models share its network."""
    tasks = [ready(task, knobs) for task in tasks]
    torch.manual_seed(knobs.seed)
    shared = adapt(copy.deepcopy(encoder.network), knobs)
    models = [_untaught(encoder, shared.network, task.head, knobs) for task in tasks]
    optimiser = optimiser_of(models, knobs)
    course = Course(
        nn.ParameterList(_learned(models)),
        optimiser,
        subject=subject_of(encoder, tasks, knobs),
        checkpoint=checkpoint,
        metric=knobs.chosen_by,
        is_lower_better=knobs.chosen_by == "validation_loss",
    )
    curve = course.state.curve
    if curve:
        watch(curve)
    for epoch in course.epochs(knobs.epochs, knobs.patience):
        loss = _one_epoch(models, tasks, optimiser, knobs, epoch)
        if course.has_diverged(loss, where="training/fine_tuning", next_step=_REMEDY):
            progress(f"epoch {epoch}: the loss is {loss}; an earlier epoch stays")
            break
        course.note({"loss": loss}, _judged(models, tasks))
        progress(course.line(" and ".join(task.head.name for task in tasks)))
        watch(curve)
    course.end()
    shared.finish()
    for model in models:
        model.network.eval()
    return [Tuned(model, curve) for model in models]


def _one_epoch(
    models: Sequence[TunedModel],
    tasks: Sequence[Task],
    optimiser: torch.optim.Optimizer,
    knobs: FineTuning,
    epoch: int,
) -> float:
    """Every taught example once; the mean loss of a batch."""
    torch.manual_seed(mixed_seed(knobs.seed, epoch))  # dropout
    learned, lessons = _learned(models), [task.taught for task in tasks]
    steps, losses = count_batches(lessons, knobs.batch), []
    for number, (which, rows) in enumerate(shuffled(lessons, knobs, epoch)):
        set_step_size(optimiser, knobs, (epoch - 1) * steps + number, steps * knobs.epochs)
        losses.append(add_gradients(models[which], tasks[which], rows, knobs, epoch))
        norm = nn.utils.clip_grad_norm_(learned, _LONGEST_GRADIENT)
        if norm.isfinite():
            optimiser.step()
        optimiser.zero_grad()
    return float(np.mean(losses))


def _judged(models: Sequence[TunedModel], tasks: Sequence[Task]) -> dict[str, float]:
    """Mean figures over the tasks that have a validation lesson; nothing where none has."""
    found = {}
    for model, task in zip(models, tasks, strict=True):
        if task.validation is not None and len(task.validation):
            model.network.eval()
            found[task.head.name] = judge(model, task.validation)
    if not found:
        return {}
    means = Figures(*map(float, np.mean(list(found.values()), axis=0)))._asdict()
    if len(tasks) > 1:
        means |= {f"{name}_macro_f1": figures.macro_f1 for name, figures in found.items()}
    return means


def _untaught(encoder: Encoder, network: nn.Module, head: Head, knobs: FineTuning) -> TunedModel:
    headed = HeadedNetwork(network, head, dropout=knobs.dropout).to(knobs.device)
    return TunedModel(encoder.tokenizer, headed, head, knobs.length, knobs.precision)


def _learned(models: Sequence[TunedModel]) -> list[Tensor]:
    """Every weight that learns, once."""
    found = {id(p): p for model in models for p in model.network.parameters() if p.requires_grad}
    return list(found.values())
