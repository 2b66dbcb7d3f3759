"""What bounds learning from clicks, and how it is read from ``learning.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from governance.errors import InputError
from training.fine_tuning.config import CHOICES, FineTuning
from training.settings_file import knobs_of, read_parts
from training.text_search.fine_tune import DENSE_KNOBS

DEFAULT_FILE = Path(__file__).parent / "learning.yaml"


@dataclass(frozen=True)
class ClickKnobs:
    """How many clicks and queries teach, fit and judge, and how positions are corrected for."""

    later_share: float = 0.1
    most_clicks: int = 8_000
    most_queries: int = 250
    cross_queries: int = 600
    known_items: int = 200
    examination_eta: float = 1.0
    most_weight: float = 10.0


@dataclass(frozen=True)
class LearningKnobs:
    """The parts of ``learning.yaml``."""

    clicks: ClickKnobs = field(default_factory=ClickKnobs)
    dense: FineTuning = field(default_factory=lambda: replace(DENSE_KNOBS, length=32))
    cross: FineTuning = field(default_factory=lambda: FineTuning(epochs=1))
    seed: int = 0

    def seeded(self, seed: int) -> "LearningKnobs":
        """The same knobs with one seed everywhere."""
        dense, cross = (replace(one, seed=seed) for one in (self.dense, self.cross))
        return replace(self, dense=dense, cross=cross, seed=seed)


def read_learning_knobs(path: Path = DEFAULT_FILE) -> LearningKnobs:
    """Read and check a file; a missing knob keeps its default."""
    found, usual = read_parts(path, ("clicks", "dense", "cross")), LearningKnobs()
    clicks = ClickKnobs(**knobs_of(path, found, "clicks", ClickKnobs, {}))
    if not 0 < clicks.later_share < 1:
        raise InputError(
            f"clicks.later_share is {clicks.later_share}",
            where=str(path),
            why="some clicks must teach, and some later ones judge",
            next_step="write a number between 0 and 1",
        )
    return LearningKnobs(
        clicks=clicks,
        dense=replace(usual.dense, **knobs_of(path, found, "dense", FineTuning, CHOICES)),
        cross=replace(usual.cross, **knobs_of(path, found, "cross", FineTuning, CHOICES)),
    )
