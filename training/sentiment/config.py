"""The knobs of sentiment, and how they are read from ``sentiment.yaml``."""

from dataclasses import dataclass
from pathlib import Path

from training.fine_tuning.config import CHOICES, FineTuning
from training.settings_file import knobs_of, read_parts

DEFAULT_FILE = Path(__file__).parent / "sentiment.yaml"


@dataclass(frozen=True)
class Joining:
    """How words and network are fitted and joined."""

    held_out: float = 0.15
    seed: int = 0


def read_config(path: Path = DEFAULT_FILE) -> tuple[Joining, FineTuning]:
    """Read and check a file; a missing knob keeps its default."""
    parts = read_parts(path, ("joining", "network"))
    joining = Joining(**knobs_of(path, parts, "joining", Joining, {}))
    network = FineTuning(**knobs_of(path, parts, "network", FineTuning, CHOICES))
    return joining, network
