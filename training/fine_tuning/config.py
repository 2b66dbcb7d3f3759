"""The knobs of a fine-tuning, with their effects."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["full", "frozen"]


@dataclass(frozen=True)
class FineTuning:
    """How one text task learns."""

    method: Method = "full"  # full: every weight learns; frozen: only the head
    epochs: int = 4  # upper bound; early stopping ends sooner
    patience: int = 1  # epochs without a better validation before it stops
    batch: int = 32  # examples per step
    accumulate: int = 1  # parts in which a batch is computed one after the other: less memory
    length: int = 64  # tokens that are read of a text or pair
    learning_rate: float = 1e-4  # of the encoder's weights
    head_learning_rate: float = 1e-3  # of the new head
    weight_decay: float = 0.01
    warm_up: float = 0.1  # share of the steps in which the step size rises
    dropout: float = 0.1  # before the head
    is_class_weighted: bool = False  # rare classes weigh as much in all as frequent ones
    seed: int = 0
