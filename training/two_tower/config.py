"""The knobs of the two towers and how they are read from ``two_tower.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error.
"""

from dataclasses import dataclass
from pathlib import Path

from training.settings_file import read_knobs

DEFAULT_FILE = Path(__file__).parent / "two_tower.yaml"


@dataclass(frozen=True)
class TwoTowerConfig:
    """The defaults are those of the file; a test holds them together."""

    width: int = 64
    epochs: int = 8
    patience: int = 1
    batch: int = 512
    negatives: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    word_dropout: float = 0.3
    min_items: int = 3
    spread: float = 0.1
    word_scale: float = 10.0
    vector_scale: float = 3.0
    history_decay: float = 0.75
    history_length: int = 20
    place_power: float = 0.3
    leading: float = 0.5
    seed: int = 0


def read_config(path: Path = DEFAULT_FILE) -> TwoTowerConfig:
    """Read and check a file; a missing knob keeps its default."""
    return TwoTowerConfig(**read_knobs(path, TwoTowerConfig))
