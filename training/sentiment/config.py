"""The knobs of sentiment, and how they are read from ``sentiment.yaml``."""

from dataclasses import dataclass
from pathlib import Path

from training.fine_tuning.config import CHOICES, FineTuning, FineTuningSettings
from training.settings_file import knobs_of, ranges_of, read_parts

DEFAULT_FILE = Path(__file__).parent / "sentiment.yaml"


@dataclass(frozen=True)
class Joining:
    """How words and network are fitted and joined."""

    held_out: float = 0.15
    seed: int = 0


def read_settings(path: Path = DEFAULT_FILE) -> FineTuningSettings:
    """Read and check a file; a missing knob keeps its default."""
    parts = read_parts(path, ("joining", "network", "search"))
    joining = Joining(**knobs_of(path, parts, "joining", Joining, {}))
    return FineTuningSettings(
        training=FineTuning(**knobs_of(path, parts, "network", FineTuning, CHOICES)),
        search=ranges_of(path, parts, "search", (FineTuning,), CHOICES),
        beside={"joining": joining},
    )


def read_config(path: Path = DEFAULT_FILE) -> tuple[Joining, FineTuning]:
    """Both parts that teach."""
    settings = read_settings(path)
    return settings.beside["joining"], settings.training
