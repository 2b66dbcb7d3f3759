"""What a text task hands back when it was taught: the model, and what it reached on what.

tuned = fine_tune(encoder, HEAD, taught, validation, knobs, checkpoint=checkpoint, ...)
return judge_taught(tuned, validation)
"""

from collections.abc import Callable
from dataclasses import dataclass

from training.fine_tuning.batches import prepared
from training.fine_tuning.judge import judge
from training.fine_tuning.lesson import Lesson
from training.fine_tuning.model import TunedModel
from training.fine_tuning.train import Tuned

Progress = Callable[[str], None]
Watch = Callable[[list[dict[str, float]]], None]  # sees the curve after every epoch


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


def judge_taught(tuned: Tuned, validation: Lesson) -> TaughtText:
    """With loss, macro-F1 and accuracy on the validation lesson."""
    figures = judge(tuned.model, prepared(validation))
    metrics = {
        "loss": figures.validation_loss,
        "macro_f1": figures.macro_f1,
        "accuracy": figures.accuracy,
    }
    return TaughtText(tuned.model, validation, metrics, tuned.curve)
