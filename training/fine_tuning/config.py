"""The knobs of a fine-tuning and how they are read from ``fine_tuning.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from training.encoder.model import Precision
from training.search_space import Knob, Range
from training.settings_file import Choices, knobs_of, ranges_of, read_parts

Method = Literal["full", "lora", "prefix", "frozen"]
ChosenBy = Literal["validation_loss", "macro_f1"]

DEFAULT_FILE = Path(__file__).parent / "fine_tuning.yaml"
CHOICES: Choices = {  # the knobs in words; files that hold a fine-tuning among others read them too
    "method": get_args(Method),
    "precision": get_args(Precision),
    "chosen_by": get_args(ChosenBy),
}
STEP_SIZES: Mapping[Method, tuple[str, str]] = {  # the knobs of the encoder's part and the head's
    "full": ("learning_rate", "head_learning_rate"),
    "lora": ("lora_learning_rate", "still_head_learning_rate"),
    "prefix": ("prefix_learning_rate", "still_head_learning_rate"),
    "frozen": ("still_head_learning_rate", "still_head_learning_rate"),  # only the head learns
}


@dataclass(frozen=True)
class FineTuning:
    """How one text task learns."""

    method: Method = "full"
    epochs: int = 4
    patience: int = 1
    chosen_by: ChosenBy = "validation_loss"
    batch: int = 32
    accumulate: int = 1
    length: int = 64
    learning_rate: float = 1e-4
    lora_learning_rate: float = 2e-3
    prefix_learning_rate: float = 1e-1
    head_learning_rate: float = 1e-3
    still_head_learning_rate: float = 1e-2
    weight_decay: float = 0.01
    warm_up: float = 0.1
    dropout: float = 0.1
    is_class_weighted: bool = False
    lora_rank: int = 8
    lora_alpha: float = 16.0
    prefix_tokens: int = 16
    adversarial: float = 0.0
    drop_words: float = 0.0
    swap_words: float = 0.0
    misspell: float = 0.0
    precision: Precision = "auto"
    device: str = "cpu"
    seed: int = 0


@dataclass(frozen=True)
class FineTuningSettings:
    """Both halves of ``fine_tuning.yaml``, and what a task has beside them.

    ``beside`` are settings by the names under which the task's ``teach`` takes them; ``trainings``
    is how many networks one run of it teaches, one after the other.
    """

    training: FineTuning = field(default_factory=FineTuning)
    search: Mapping[str, Range] = field(default_factory=dict)  # where a search looks
    beside: Mapping[str, Any] = field(default_factory=dict)  # dataclasses of knobs
    trainings: int = 1

    def knobs(self) -> dict[str, Knob]:
        """Every knob by name; one of the task's own as ``part.knob``."""
        own = {f"{p}.{k}": v for p, part in self.beside.items() for k, v in asdict(part).items()}
        return asdict(self.training) | own

    def seeded(self, seed: int) -> "FineTuningSettings":
        """The same settings with this seed, also in what is beside."""
        beside = {name: replace(part, seed=seed) for name, part in self.beside.items()}
        return replace(self.changed({"seed": seed}), beside=beside)

    def space(self) -> dict[str, Range]:
        """The ranges that mean something to the method."""
        of_steps = {size for sizes in STEP_SIZES.values() for size in sizes}
        idle = of_steps - set(STEP_SIZES[self.training.method])
        return {name: found for name, found in self.search.items() if name not in idle}

    def changed(self, knobs: Mapping[str, object]) -> "FineTuningSettings":
        """The same settings with some knobs changed."""
        return replace(self, training=replace(self.training, **knobs))  # type: ignore[arg-type]


def read_settings(path: Path = DEFAULT_FILE) -> FineTuningSettings:
    """Read and check a file; a missing knob keeps its default."""
    found = read_parts(path, ("training", "search"))
    return FineTuningSettings(
        training=FineTuning(**knobs_of(path, found, "training", FineTuning, CHOICES)),
        search=ranges_of(path, found, "search", (FineTuning,), CHOICES),
    )
