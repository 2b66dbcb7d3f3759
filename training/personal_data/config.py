"""The knobs of personal data in text and how they are read from ``personal_data.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error.
"""

from dataclasses import dataclass
from pathlib import Path

from training.fine_tuning.config import FineTuning
from training.settings_file import read_knobs

DEFAULT_FILE = Path(__file__).parent / "personal_data.yaml"


@dataclass(frozen=True)
class PersonalDataConfig:
    """The defaults are those of the file; a test holds them together."""

    copies: int = 2
    shop: int = 1000
    epochs: int = 3
    batch: int = 16
    length: int = 256
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    held_out: float = 0.0
    least: float = 0.2
    seed: int = 0

    def fine_tuning(self) -> FineTuning:
        """What the engine is told."""
        return FineTuning(
            epochs=self.epochs,
            batch=self.batch,
            length=self.length,
            learning_rate=self.learning_rate,
            head_learning_rate=self.head_learning_rate,
            seed=self.seed,
        )


def read_config(path: Path = DEFAULT_FILE) -> PersonalDataConfig:
    """The knobs of a file; InputError names an unknown or badly typed one."""
    return PersonalDataConfig(**read_knobs(path, PersonalDataConfig))
