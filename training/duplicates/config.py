"""The knobs of the matcher, and how they are read from ``duplicates.yaml``."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from training.encoder.model import Precision
from training.fine_tuning.config import ChosenBy, FineTuning, Method
from training.settings_file import Choices, knobs_of, read_parts

DEFAULT_FILE = Path(__file__).parent / "duplicates.yaml"
_CHOICES: Choices = {
    "method": get_args(Method),
    "precision": get_args(Precision),
    "chosen_by": get_args(ChosenBy),
}


@dataclass(frozen=True)
class Matching:
    """How the forest learns, and which pairs the networks read."""

    folds: int = 3
    ruled_out: float = 0.01
    trees: int = 150
    leaves: int = 8
    tree_rate: float = 0.05
    least_rows: int = 20
    nearest: int = 5
    seed: int = 0


def read_config(path: Path = DEFAULT_FILE) -> tuple[Matching, FineTuning]:
    """Read and check a file; a missing knob keeps its default."""
    parts = read_parts(path, ("matching", "reading"))
    matching = Matching(**knobs_of(path, parts, "matching", Matching, {}))
    reading = FineTuning(**knobs_of(path, parts, "reading", FineTuning, _CHOICES))
    return matching, reading
