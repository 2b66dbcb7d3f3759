"""The knobs of the deep ranker and how they are read from ``deep_ranker.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from training.deep_ranker.network import DeepRankerConfig
from training.sasrec.config import Precision
from training.settings_file import Choices, knobs_of, read_parts

DEFAULT_FILE = Path(__file__).parent / "deep_ranker.yaml"
_CHOICES: Choices = {"precision": get_args(Precision)}


@dataclass(frozen=True)
class DeepRankerTraining:
    """How to learn."""

    epochs: int = 12
    patience: int = 2
    batch: int = 64  # lists
    accumulate: int = 1
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    list_loss: float = 1.0
    purchase_loss: float = 1.0
    cart_loss: float = 0.1
    click_loss: float = 0.1
    cart_score: float = 0.0
    click_score: float = 0.0
    synthetic_weight: float = 0.1
    precision: Precision = "auto"
    device: str = "cpu"
    seed: int = 0

    @property
    def task_weights(self) -> tuple[float, float, float]:
        """Of each task's loss, in the order of TASKS."""
        return (self.click_loss, self.cart_loss, self.purchase_loss)

    @property
    def score_weights(self) -> tuple[float, float, float]:
        """Of each task's logit in the score, in the order of TASKS."""
        return (self.click_score, self.cart_score, 1.0)


@dataclass(frozen=True)
class DeepRankerSettings:
    """Both halves of ``deep_ranker.yaml``."""

    network: DeepRankerConfig = field(default_factory=DeepRankerConfig)
    training: DeepRankerTraining = field(default_factory=DeepRankerTraining)


def read_settings(path: Path = DEFAULT_FILE) -> DeepRankerSettings:
    """Read and check a file; a missing knob keeps its default."""
    found = read_parts(path, ("network", "training"))
    return DeepRankerSettings(
        network=DeepRankerConfig(**knobs_of(path, found, "network", DeepRankerConfig, _CHOICES)),
        training=DeepRankerTraining(
            **knobs_of(path, found, "training", DeepRankerTraining, _CHOICES)
        ),
    )
