"""How likely a shopper looks at each position of a list, as the log itself tells it.

Of a list in random order every position holds equally good products, so that clicks by position
fall only because fewer shoppers look there. Where the log has too few such lists, a curve is
assumed, and said to be. Pure.

Dimensions: P positions, from 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_CLICKS = 30  # of each position of shuffled lists; a chance is known to a fifth of itself
_POSITIONS = 50  # of an assumed curve; below, every position counts like the last


@dataclass(frozen=True)
class Shuffled:
    """Of lists in random order: products shown and clicked, by position."""

    shown: tuple[int, ...] = ()
    clicked: tuple[int, ...] = ()


@dataclass(frozen=True)
class PositionBias:
    """(P,) chances to be looked at, beside those of position 1."""

    propensities: tuple[float, ...]
    told: str  # where they come from


def position_bias(shuffled: Shuffled, *, eta: float) -> PositionBias:
    """Measured as far down as clicks suffice; else 1 / position ** eta."""
    enough = [count >= FEWEST_CLICKS for count in shuffled.clicked]
    depth = enough.index(False) if False in enough else len(enough)
    if depth > 1:
        return PositionBias(
            measured(shuffled.shown[:depth], shuffled.clicked[:depth]),
            f"measured on {shuffled.shown[0]:,} lists in random order",
        )
    return PositionBias(
        tuple(float(position) ** -eta for position in range(1, _POSITIONS + 1)),
        f"assumed to be 1 / position ** {eta:g}: too few lists in random order were clicked",
    )


def measured(shown: Sequence[int], clicked: Sequence[int]) -> tuple[float, ...]:
    """Clicks of those shown, beside position 1; never more than at a position above."""
    rates = np.array(clicked, dtype=np.float64) / np.array(shown, dtype=np.float64)
    falling = np.minimum.accumulate(rates / rates[0])
    return tuple(round(float(one), 6) for one in falling)
