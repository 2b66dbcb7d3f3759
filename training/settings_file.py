"""Knobs of a training read from YAML into dataclasses, every value of its knob's type.

A file has one level of knobs, or parts of knobs, and beside them it may have the ranges in which a
search changes knobs. Every knob's effect is in the comment beside it in the file; an unknown key
is an error, a missing one keeps its default.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from governance.errors import InputError
from training.search_space import Between, Knob, OneOf, Range, read_range

Choices = Mapping[str, tuple[str, ...]]  # the values that a knob in words may have
_NO_CHOICES: Choices = {}


def read_parts(path: Path, known: Sequence[str]) -> dict[str, Any]:
    """The file's first level; ``known`` are the parts it may have."""
    found = _mapping(path)
    if unknown := sorted(map(str, found.keys() - set(known))):
        raise _unknown(path, unknown[0], known)
    return found


def read_knobs(path: Path, kind: type[Any], choices: Choices = _NO_CHOICES) -> dict[str, Any]:
    """A file without parts, checked against the dataclass ``kind``."""
    return _checked(path, _mapping(path), kind, choices)


def knobs_of(
    path: Path, found: Mapping[str, Any], name: str, kind: type[Any], choices: Choices
) -> dict[str, Any]:
    """One part, checked against the dataclass ``kind``."""
    values = _part(path, found, name, "knobs")
    return _checked(path, values, kind, choices, under=f"{name}.")


def ranges_of(
    path: Path, found: Mapping[str, Any], name: str, kinds: Sequence[type[Any]], choices: Choices
) -> dict[str, Range]:
    """The part that holds the ranges of a search over the knobs of ``kinds``."""
    defaults = {knob: default for kind in kinds for knob, default in _defaults(kind).items()}
    ranges: dict[str, Range] = {}
    for key, written in _part(path, found, name, "ranges").items():
        if key not in defaults:
            raise _unknown(path, f"{name}.{key}", tuple(defaults))
        try:
            ranges[key] = _range_as(defaults[key], read_range(written), choices.get(key, ()))
        except (TypeError, ValueError) as error:
            why = str(error) or f"its values must be like {defaults[key]!r}"
            raise InputError(f"{name}.{key} is {written!r}", where=str(path), why=why) from None
    return ranges


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise InputError("there is no such file of knobs", where=str(path)) from None
    except OSError as error:
        raise InputError("the knobs cannot be read", where=str(path), why=str(error)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError("the knobs are no YAML", where=str(path), why=str(error)) from None
    if not isinstance(found, dict):
        raise InputError("the settings are no mapping", where=str(path))
    return found


def _part(path: Path, found: Mapping[str, Any], name: str, holds: str) -> dict[str, Any]:
    values = found.get(name) or {}
    if not isinstance(values, dict):
        raise InputError(f"{name} is {values!r}", where=str(path), why=f"it must hold {holds}")
    return values


def _checked(
    path: Path, values: Mapping[str, Any], kind: type[Any], choices: Choices, *, under: str = ""
) -> dict[str, Any]:
    knobs, checked = _defaults(kind), {}
    for key, value in values.items():
        if key not in knobs:
            raise _unknown(path, f"{under}{key}", tuple(knobs))
        try:
            checked[key] = _as(knobs[key], value, choices.get(key, ()))
        except (TypeError, ValueError):
            like = " or ".join(choices.get(key, (repr(knobs[key]),)))
            raise InputError(
                f"{under}{key} is {value!r}", where=str(path), why=f"write something like {like}"
            ) from None
    return checked


def _defaults(kind: type[Any]) -> dict[str, object]:
    return {knob.name: knob.default for knob in fields(kind)}


def _as(default: object, value: object, choices: tuple[str, ...]) -> Knob:
    """A value of the default's type; YAML reads 1e-3 as text, so floats are cast."""
    if isinstance(default, float) and isinstance(value, int | float | str):
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    if not isinstance(value, int | float | str) or type(value) is not type(default):
        raise TypeError
    if choices and value not in choices:
        raise TypeError
    return value


def _range_as(default: object, found: Range, choices: tuple[str, ...]) -> Range:
    if isinstance(found, OneOf):
        return OneOf(tuple(_as(default, option, choices) for option in found.options))
    low, high = _as(default, found.low, ()), _as(default, found.high, ())
    if isinstance(low, str) or isinstance(high, str):
        raise TypeError
    return Between(low, high, found.is_log)


def _unknown(path: Path, key: str, known: Sequence[str]) -> InputError:
    return InputError(
        f"the knob {key} is unknown", where=str(path), why=f"known are {', '.join(known)}"
    )
