"""What a text task's ``teach`` hands back: the tuned model and what it reached on validation."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, log_loss

from training.fine_tuning.lesson import Lesson
from training.fine_tuning.model import TunedModel
from training.fine_tuning.train import Curve, Tuned
from training.fine_tuning.train import Progress as Progress
from training.fine_tuning.train import Watch as Watch


@dataclass(frozen=True)
class TaughtText:
    """A tuned model, the lesson that judged it, figures on that lesson, and the curve."""

    model: TunedModel
    validation: Lesson
    metrics: dict[str, float]
    curve: Curve


def judge_taught(tuned: Tuned, validation: Lesson) -> TaughtText:
    """Macro-F1, accuracy and mean loss (nats) of a model of classes on its validation lesson."""
    assert validation.labels is not None  # a lesson of classes has them
    chances = tuned.model.probabilities(validation.texts).astype(np.float64)
    said, labels = chances.argmax(axis=1), validation.labels
    metrics = {
        "macro_f1": float(f1_score(labels, said, average="macro")),
        "accuracy": float(accuracy_score(labels, said)),
        "loss": float(log_loss(labels, chances, labels=range(chances.shape[1]))),
    }
    return TaughtText(tuned.model, validation, metrics, tuned.curve)
