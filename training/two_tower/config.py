"""The knobs of the two towers and how they are read from ``two_tower.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from governance.errors import InputError

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
    found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(found, dict):
        raise InputError("the settings are no mapping", where=str(path))
    known = {knob.name: knob.default for knob in fields(TwoTowerConfig)}
    values: dict[str, int | float] = {}
    for key, value in found.items():
        if key not in known:
            raise InputError(
                f"the knob {key} is unknown", where=str(path), why=f"known are {', '.join(known)}"
            )
        values[key] = _as(type(known[key]), value, where=f"{path}: {key}")
    return TwoTowerConfig(**values)  # type: ignore[arg-type]


def _as(kind: type, value: object, *, where: str) -> int | float:
    """A number of the knob's kind; YAML reads 1e-3 as text."""
    try:
        if isinstance(value, bool) or (kind is int and not isinstance(value, int)):
            raise TypeError
        number: int | float = kind(value)
    except (TypeError, ValueError):
        raise InputError(
            f"{value!r} is no number of the kind {kind.__name__}", where=where
        ) from None
    return number
