"""The knobs of the matcher, and how they are read from ``duplicates.yaml``."""

from dataclasses import dataclass
from pathlib import Path

from training.fine_tuning.config import CHOICES, FineTuning, FineTuningSettings
from training.settings_file import knobs_of, read_parts

DEFAULT_FILE = Path(__file__).parent / "duplicates.yaml"


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


def read_settings(path: Path = DEFAULT_FILE) -> FineTuningSettings:
    """Read and check a file; a missing knob keeps its default."""
    parts = read_parts(path, ("matching", "reading"))
    matching = Matching(**knobs_of(path, parts, "matching", Matching, {}))
    reading = FineTuning(**knobs_of(path, parts, "reading", FineTuning, CHOICES))
    return FineTuningSettings(reading, beside={"matching": matching}, trainings=matching.folds)


def read_config(path: Path = DEFAULT_FILE) -> tuple[Matching, FineTuning]:
    """Both parts."""
    settings = read_settings(path)
    return settings.beside["matching"], settings.training
