"""Knobs of a training read from YAML into dataclasses: two levels, every value of its knob's type.

Every knob's effect is in the comment beside it in the file; an unknown key is an error, a missing
one keeps its default.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from governance.errors import InputError

Choices = Mapping[str, tuple[str, ...]]  # the values that a knob in words may have


def read_parts(path: Path, known: Sequence[str]) -> dict[str, Any]:
    """The file's first level; ``known`` are the parts it may have."""
    found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(found, dict):
        raise InputError("the settings are no mapping", where=str(path))
    if unknown := sorted(map(str, found.keys() - set(known))):
        raise _unknown(path, unknown[0], known)
    return found


def knobs_of(
    path: Path, found: Mapping[str, Any], name: str, kind: type[Any], choices: Choices
) -> dict[str, Any]:
    """One part, checked against the dataclass ``kind``; YAML reads 1e-3 as text, so floats are
    cast."""
    knobs = {knob.name: knob.default for knob in fields(kind)}
    values = found.get(name) or {}
    if not isinstance(values, dict):
        raise InputError(f"{name} is {values!r}", where=str(path), why="it must hold knobs")
    for key, value in values.items():
        if key not in knobs:
            raise _unknown(path, f"{name}.{key}", tuple(knobs))
        try:
            values[key] = _as(knobs[key], value, choices.get(key, ()))
        except (TypeError, ValueError):
            like = " or ".join(choices.get(key, (repr(knobs[key]),)))
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


def _unknown(path: Path, key: str, known: Sequence[str]) -> InputError:
    return InputError(
        f"the knob {key} is unknown", where=str(path), why=f"known are {', '.join(known)}"
    )
