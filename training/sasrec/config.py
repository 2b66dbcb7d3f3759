"""The knobs of a SASRec training and how they are read from ``sasrec.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from governance.errors import InputError
from training.sasrec.losses import NegativeSource
from training.sasrec.model import SasrecConfig

DEFAULT_FILE = Path(__file__).parent / "sasrec.yaml"
Precision = Literal["float32", "bfloat16", "auto"]
_CHOICES: dict[str, tuple[str, ...]] = {
    "precision": get_args(Precision),
    "negative_source": get_args(NegativeSource),
}


@dataclass(frozen=True)
class SasrecTraining:
    """How to learn; the defaults are those of the main job, over baskets."""

    epochs: int = 6  # upper bound; early stopping ends sooner
    patience: int = 1  # epochs without a better validation NDCG@10 before stopping
    batch: int = 64
    accumulate: int = 1  # parts in which a batch is computed; less memory, same step
    pool: int = 1  # batches among which rows are sorted by length
    full_softmax_up_to: int = 0  # items; above, negatives are drawn
    negatives: int = 512  # shared by a batch; 256 to 3,000 are usual
    negative_source: NegativeSource = "frequency"
    in_batch: float = 0.5  # share of ``mixed`` negatives that are targets of the batch
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    adam_beta2: float = 0.999  # share of the mean squared gradient kept per step
    min_baskets: int = 20  # rarer items are left to the other retrievers
    validation_sample: int = 10_000  # requests that early stopping looks at (plain sequences)
    precision: Precision = "float32"
    compile: bool = False
    device: str = "cpu"
    seed: int = 0


@dataclass(frozen=True)
class SasrecSettings:
    """Both halves of ``sasrec.yaml``."""

    network: SasrecConfig
    training: SasrecTraining


def read_settings(path: Path = DEFAULT_FILE) -> SasrecSettings:
    """Read and check a file; a missing knob keeps its default."""
    found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(found, dict):
        raise InputError("the settings are no mapping", where=str(path))
    if unknown := sorted(found.keys() - {"network", "training"}):
        raise _unknown(path, unknown[0], ("network", "training"))
    network = SasrecConfig(**_part(path, found, "network", SasrecConfig))
    if network.width % network.heads:
        raise InputError(
            f"network.heads is {network.heads}",
            where=str(path),
            why=f"it must divide the width, {network.width}",
        )
    return SasrecSettings(
        network=network,
        training=SasrecTraining(**_part(path, found, "training", SasrecTraining)),
    )


def _part(
    path: Path, found: dict[str, Any], name: str, kind: type[SasrecConfig] | type[SasrecTraining]
) -> dict[str, Any]:
    """One half with every value of its knob's type; YAML reads 1e-3 as text, so floats are cast."""
    knobs = {knob.name: knob.default for knob in fields(kind)}
    values = found.get(name) or {}
    if not isinstance(values, dict):
        raise InputError(f"{name} is {values!r}", where=str(path), why="it must hold knobs")
    for key, value in values.items():
        if key not in knobs:
            raise _unknown(path, f"{name}.{key}", tuple(knobs))
        try:
            values[key] = _as(knobs[key], value, _CHOICES.get(key, ()))
        except (TypeError, ValueError):
            like = " or ".join(_CHOICES.get(key, (repr(knobs[key]),)))
            raise InputError(
                f"{name}.{key} is {value!r}", where=str(path), why=f"write something like {like}"
            ) from None
    return values


def _as(default: object, value: object, choices: tuple[str, ...]) -> object:
    if isinstance(default, float) and isinstance(value, int | float | str):
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    if type(value) is not type(default) or (choices and value not in choices):
        raise TypeError
    return value


def _unknown(path: Path, key: str, known: tuple[str, ...]) -> InputError:
    return InputError(
        f"the knob {key} is unknown", where=str(path), why=f"known are {', '.join(known)}"
    )
