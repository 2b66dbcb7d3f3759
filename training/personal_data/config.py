"""The knobs of personal data in text and how they are read from ``personal_data.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error. How the
tagger's network learns stands in ``fine_tuning.yaml`` beside it, in the engine's own form.
"""

from dataclasses import dataclass
from pathlib import Path

from training.settings_file import read_knobs

DEFAULT_FILE = Path(__file__).parent / "personal_data.yaml"
TUNING_FILE = Path(__file__).parent / "fine_tuning.yaml"


@dataclass(frozen=True)
class PersonalDataConfig:
    """The defaults are those of the file; a test holds them together."""

    copies: int = 2
    shop: int = 1000
    held_out: float = 0.0
    least: float = 0.2
    begins: float = 3.0
    seed: int = 0


def read_config(path: Path = DEFAULT_FILE) -> PersonalDataConfig:
    """The knobs of a file; InputError names an unknown or badly typed one."""
    return PersonalDataConfig(**read_knobs(path, PersonalDataConfig))
