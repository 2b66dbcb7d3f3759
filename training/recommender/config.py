"""The knobs of the recommender's training and how they are read from ``recommender.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error. SASRec and
the deep ranker have files of their own (``sasrec/baskets.yaml``, ``deep_ranker/deep_ranker.yaml``).
"""

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast, get_args

from governance.errors import InputError
from training.covisitation.train import CovisitationConfig
from training.label_rows import Sampling
from training.ranker.train import RankerConfig
from training.ranker_choice import RankerName, ReleaseSettings
from training.recommender.assortment import PopularConfig
from training.recommender.neighbours import NeighboursConfig
from training.recommender.repeats import RepeatsConfig
from training.settings_file import Choices, knobs_of, read_parts
from training.windows import TrainWindows

DEFAULT_FILE = Path(__file__).parent / "recommender.yaml"
_CHOICES: Choices = {"ranker": get_args(RankerName)}
_SHARES = ("columns_per_tree", "rows_per_tree", "weekly_decay")  # at most 1
_MAY_BE_ZERO = (
    "l2", "synthetic_weight", "negatives", "same_basket_weight", "from_power", "to_power",
    "popularity_power",
)  # fmt: skip
_LEAST = {"leaves": 2}  # LightGBM's own


@dataclass(frozen=True)
class RecommenderKnobs:
    """The parts of ``recommender.yaml``."""

    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    ranker: RankerConfig = field(default_factory=RankerConfig)
    windows: TrainWindows = field(default_factory=TrainWindows)  # of the calendar that is given
    sampling: Sampling = field(default_factory=Sampling)
    covisitation: CovisitationConfig = field(default_factory=CovisitationConfig)
    neighbours: NeighboursConfig = field(default_factory=NeighboursConfig)
    popular: PopularConfig = field(default_factory=PopularConfig)
    repeats: RepeatsConfig = field(default_factory=RepeatsConfig)


PARTS = {one.name: cast(type[Any], one.default_factory) for one in fields(RecommenderKnobs)}


def read_recommender_knobs(path: Path = DEFAULT_FILE) -> RecommenderKnobs:
    """Read and check a file; a missing knob keeps its default."""
    found = read_parts(path, tuple(PARTS))
    read = {name: knobs_of(path, found, name, kind, _CHOICES) for name, kind in PARTS.items()}
    for name, knobs in read.items():
        _refuse_useless(path, name, knobs)
    return RecommenderKnobs(**{name: kind(**read[name]) for name, kind in PARTS.items()})


def _refuse_useless(path: Path, part: str, knobs: dict[str, Any]) -> None:
    """No number that a model cannot be fitted with: of decays, shares and counts."""
    for name, value in knobs.items():
        if isinstance(value, bool | str):
            continue
        low, high = _LEAST.get(name, 0), 1 if name in _SHARES else math.inf
        may_be_low = name in _MAY_BE_ZERO or name in _LEAST
        if not low <= value <= high or math.isinf(value) or (value == low and not may_be_low):
            above = f"at least {low}" if may_be_low else f"above {low}"
            why = f"it must be {above}" + (f" and at most {high}" if name in _SHARES else "")
            raise InputError(f"{part}.{name} is {value!r}", where=str(path), why=why)
