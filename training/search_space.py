"""Ranges of knobs, as a YAML writes them beside the knobs, and how a trial draws from them.

A list is a choice; ``{low: 5e-4, high: 1e-2, log: true}`` is everything between, whole numbers
where both ends are whole. ``training/settings_file.py`` reads them, ``training/search.py`` draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Knob = int | float | str | bool


@dataclass(frozen=True)
class OneOf:
    """A knob that takes one of a few values."""

    options: tuple[Knob, ...]

    def holds(self, value: Knob) -> bool:
        return value in self.options

    @property
    def written(self) -> str:
        return f"[{', '.join(as_yaml(option) for option in self.options)}]"


@dataclass(frozen=True)
class Between:
    """A knob between two ends, both included; with ``is_log`` its logarithm is drawn evenly."""

    low: int | float
    high: int | float
    is_log: bool = False

    def holds(self, value: Knob) -> bool:
        return not isinstance(value, str) and self.low <= value <= self.high

    @property
    def written(self) -> str:
        log = ", log: true" if self.is_log else ""
        return f"{{low: {as_yaml(self.low)}, high: {as_yaml(self.high)}{log}}}"


Range = OneOf | Between
Space = Mapping[str, Range]


class Draws(Protocol):
    """The part of an Optuna trial that is used here."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int: ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float: ...


@dataclass(frozen=True)
class Trial:
    """One finished trial as the table shows it."""

    number: int  # from 1, finished ones only
    state: str  # complete, pruned or diverged
    value: float  # the best validation figure
    epochs: int
    seconds: float
    knobs: dict[str, Knob]


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the highest figure; of equals the first."""
    return max((t for t in trials if t.state == "complete"), key=lambda t: t.value, default=None)


def draw(trial: Draws, space: Space) -> dict[str, Knob]:
    """One value for every knob of the space, in its order."""
    return {name: _drawn(trial, name, choice) for name, choice in space.items()}


def _drawn(trial: Draws, name: str, choice: Range) -> Knob:
    if isinstance(choice, OneOf):
        chosen: Knob = trial.suggest_categorical(name, choice.options)
        return chosen
    if isinstance(choice.low, int) and isinstance(choice.high, int):
        return trial.suggest_int(name, choice.low, choice.high, log=choice.is_log)
    return trial.suggest_float(name, choice.low, choice.high, log=choice.is_log)


def read_range(written: object) -> Range:
    """A range as YAML has it; ValueError says what is wrong with it."""
    if isinstance(written, list) and written:
        return OneOf(tuple(written))
    if not isinstance(written, dict) or not {"low", "high"} <= written.keys():
        raise ValueError("write a list of values, or {low: 1, high: 9}")
    if unknown := written.keys() - {"low", "high", "log"}:
        raise ValueError(f"a range knows low, high and log, not {sorted(unknown)[0]}")
    low, high = _number(written["low"]), _number(written["high"])
    is_log = written.get("log", False)
    if not isinstance(is_log, bool):
        raise ValueError("log is true or false")
    if low >= high or (is_log and low <= 0):
        raise ValueError("low must be below high, and above 0 where log is true")
    return Between(low, high, is_log)


def _number(value: object) -> int | float:
    """YAML reads 5e-4 as text, so text is cast."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is no number")
    return float(value) if isinstance(value, str) else value


def as_yaml(value: Knob) -> str:
    """A value as it stands in a knobs file."""
    return str(value).lower() if isinstance(value, bool) else str(value)
