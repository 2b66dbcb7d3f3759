"""What a text task hands back when it was taught: the model, and what it reached on what.

One network of one lesson is a ``Teachable``, which is taught alone or shares its encoder:

    one = Teachable(Task(HEAD, taught, validation), partial(judge_taught, validation=validation))
    [model] = teach_together([one], encoder, knobs, checkpoint=path, progress=print, watch=see)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from training.encoder.model import Encoder
from training.fine_tuning.batches import prepared
from training.fine_tuning.config import FineTuning
from training.fine_tuning.judge import judge
from training.fine_tuning.lesson import Lesson
from training.fine_tuning.model import TunedModel
from training.fine_tuning.task import Task
from training.fine_tuning.train import Tuned, fine_tune_together

Progress = Callable[[str], None]
Watch = Callable[[list[dict[str, float]]], None]  # sees the curve after every epoch
Model = TypeVar("Model", covariant=True)


@dataclass(frozen=True)
class TaughtText:
    """A tuned model, the lesson that chose its epoch, and its figures on it."""

    model: TunedModel
    validation: Lesson
    metrics: dict[str, float]
    curve: list[dict[str, float]]

    @property
    def examples(self) -> int:
        return len(self.validation)


@dataclass(frozen=True)
class Teachable(Generic[Model]):
    """What one network learns, and what is made of it once it is tuned."""

    task: Task
    finish: Callable[[Tuned], Model]


def teach_together(
    lessons: Sequence[Teachable[Model]],
    encoder: Encoder,
    knobs: FineTuning,
    *,
    checkpoint: Path | None,
    progress: Progress,
    watch: Watch,
) -> list[Model]:
    """Each lesson's model, in their order; all learn in turns of a batch on one encoder."""
    tuned = fine_tune_together(
        encoder, [one.task for one in lessons], knobs,
        checkpoint=checkpoint, progress=progress, watch=watch,
    )  # fmt: skip
    return [one.finish(found) for one, found in zip(lessons, tuned, strict=True)]


def judge_taught(tuned: Tuned, validation: Lesson) -> TaughtText:
    """With loss, macro-F1 and accuracy on the validation lesson."""
    figures = judge(tuned.model, prepared(validation))
    metrics = {
        "loss": figures.validation_loss,
        "macro_f1": figures.macro_f1,
        "accuracy": figures.accuracy,
    }
    return TaughtText(tuned.model, validation, metrics, tuned.curve)
