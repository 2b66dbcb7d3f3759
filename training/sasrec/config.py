"""The knobs of a SASRec training and how they are read from ``sasrec.yaml`` or ``baskets.yaml``.

Every knob's effect is in the comment beside it in those files, and the ranges in which a search
may change knobs stand below them; an unknown key is an error. ``knobs_file.py`` writes such a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from governance.errors import InputError
from training.sasrec.losses import NegativeSource
from training.sasrec.model import SasrecConfig
from training.search_space import Between, Knob, OneOf, Range, Space, read_range

DEFAULT_FILE = Path(__file__).parent / "sasrec.yaml"  # plain sequences of items
BASKETS_FILE = Path(__file__).parent / "baskets.yaml"  # a shop's orders; the main job's knobs
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
    """A whole knobs file: sizes, how to learn, and what a search may change."""

    network: SasrecConfig
    training: SasrecTraining
    search: Space = field(default_factory=dict)

    def knobs(self) -> dict[str, Knob]:
        """Every knob of both halves by name; no two share one."""
        return {**vars(self.network), **vars(self.training)}

    def changed(self, knobs: Mapping[str, Knob]) -> "SasrecSettings":
        """The same settings with some knobs set otherwise."""
        sizes = {name: value for name, value in knobs.items() if hasattr(self.network, name)}
        others = {name: value for name, value in knobs.items() if name not in sizes}
        network = replace(self.network, **sizes)  # type: ignore[arg-type]
        training = replace(self.training, **others)  # type: ignore[arg-type]
        _refuse_uneven_heads(network, "the knobs of a search")
        return replace(self, network=network, training=training)


def read_settings(path: Path = DEFAULT_FILE) -> SasrecSettings:
    """Read and check a file; a missing knob keeps its default."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise InputError("there is no such file of knobs", where=str(path)) from None
    except yaml.YAMLError as error:
        raise InputError("the knobs are no YAML", where=str(path), why=str(error)) from None
    if not isinstance(found, dict):
        raise InputError("the settings are no mapping", where=str(path))
    if unknown := sorted(found.keys() - {"network", "training", "search"}):
        raise _unknown(path, unknown[0], ("network", "training", "search"))
    network = SasrecConfig(**_part(path, found, "network", SasrecConfig))
    _refuse_uneven_heads(network, str(path))
    training = SasrecTraining(**_part(path, found, "training", SasrecTraining))
    return SasrecSettings(network, training, _ranges(path, found))


def _refuse_uneven_heads(network: SasrecConfig, where: str) -> None:
    if network.width % network.heads:
        raise InputError(
            f"network.heads is {network.heads}",
            where=where,
            why=f"it must divide the width, {network.width}",
        )


def _ranges(path: Path, found: dict[str, Any]) -> dict[str, Range]:
    """The ranges of a search, each value of its knob's type."""
    defaults = {k.name: k.default for kind in (SasrecConfig, SasrecTraining) for k in fields(kind)}
    written = found.get("search") or {}
    if not isinstance(written, dict):
        raise InputError(f"search is {written!r}", where=str(path), why="it must hold ranges")
    ranges: dict[str, Range] = {}
    for name, text in written.items():
        if name not in defaults:
            raise _unknown(path, f"search.{name}", tuple(defaults))
        try:
            ranges[name] = _typed(read_range(text), defaults[name], _CHOICES.get(name, ()))
        except (TypeError, ValueError) as error:
            why = str(error) or f"its values must be like {defaults[name]!r}"
            raise InputError(f"search.{name} is {text!r}", where=str(path), why=why) from None
    return ranges


def _typed(found: Range, default: object, choices: tuple[str, ...]) -> Range:
    if isinstance(found, OneOf):
        return OneOf(tuple(_as(default, option, choices) for option in found.options))
    low, high = _as(default, found.low, ()), _as(default, found.high, ())
    if isinstance(low, str) or isinstance(high, str):
        raise TypeError
    return Between(low, high, found.is_log)


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


def _as(default: object, value: object, choices: tuple[str, ...]) -> Knob:
    if isinstance(default, float) and isinstance(value, int | float | str):
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    if not isinstance(value, int | float | str) or type(value) is not type(default):
        raise TypeError
    if choices and value not in choices:
        raise TypeError
    return value


def _unknown(path: Path, key: str, known: tuple[str, ...]) -> InputError:
    return InputError(
        f"the knob {key} is unknown", where=str(path), why=f"known are {', '.join(known)}"
    )
