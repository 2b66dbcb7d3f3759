"""Choose a model's knobs on validation requests, one knob at a time.

Coordinate search: every option of a knob is tried with the others held, the best stays, then the
next knob. A model of seven knobs needs about twenty fits, and each is seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Config = TypeVar("Config")
Options = Mapping[str, Sequence[float | int | bool]]


@dataclass(frozen=True)
class Choice(Generic[Config]):
    """The best configuration found, what it reached, and how many were tried."""

    config: Config
    reached: float
    tried: int


def choose_knobs(
    config: Config,
    options: Options,
    measure: Callable[[Config], float],
    *,
    rounds: int = 1,
) -> Choice[Config]:
    """``measure`` fits and judges a configuration on validation; larger is better."""
    best, reached, tried = config, measure(config), 1
    for _ in range(rounds):
        before = best
        for knob, values in options.items():
            for value in values:
                if value == getattr(best, knob):
                    continue
                candidate: Config = replace(best, **{knob: value})  # type: ignore[type-var]
                found = measure(candidate)
                tried += 1
                if found > reached:
                    best, reached = candidate, found
        if best == before:
            break
    return Choice(best, reached, tried)
