"""Fatigue: an item shown again and again without a click rests until its impressions fade.

Pure numpy. An impression counts 1 when it happens and half as much after each half-life.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Impressions:
    """Unclicked impressions of one shopper: ``count[i]`` of ``item[i]``, ``days_ago[i]``."""

    item: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    count: Doubles = field(default_factory=lambda: np.empty(0))
    days_ago: Doubles = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Fatigue:
    """Faded impressions: one row per item, items rising."""

    items: Ints
    faded: Doubles

    def at_least(self, threshold: float) -> Ints:
        """Items at or above the threshold; none where the threshold is 0."""
        return self.items[self.faded >= threshold] if threshold > 0 else self.items[:0]


def fatigue(impressions: Impressions, *, half_life_days: float) -> Fatigue:
    """What the impressions of each item still count."""
    items, place = np.unique(impressions.item, return_inverse=True)
    faded = impressions.count * 0.5 ** (impressions.days_ago / half_life_days)
    total = np.bincount(place, weights=faded, minlength=len(items)).astype(np.float64)
    return Fatigue(items.astype(np.int32), total)
