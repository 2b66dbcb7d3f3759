"""Columns as a network can read them: spread evenly, missing values told apart from zeros.

Dimensions: n rows, d columns, K knots, m columns that have missing values in training. A tree asks
only for order; a network needs like ranges. So each column is sent through its own quantiles to
those of a normal distribution and scaled to mean 0 and deviation 1: K knots say how. A missing
value becomes the mean, 0, and a column of its own says that it was missing. Pure numpy: training
and answering share it.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from training.shop_data import Floats, Longs

KNOTS = 48  # more follow a column's shape closer; each costs its share of a binary search


@dataclass(frozen=True)
class Preparation:
    """What was learned of the columns; everything that :meth:`of` needs."""

    knots: Floats  # (d, K) rising values of each column; repeated at the end where fewer do
    levels: Floats  # (d, K) what each knot becomes
    missing: Longs  # (m,) columns whose missing values get an indicator

    @property
    def width(self) -> int:
        return len(self.knots) + len(self.missing)

    def of(self, values: Floats) -> Floats:
        """(n, d) to (n, d + m), without a missing value left."""
        is_missing = np.isnan(values)
        found = np.empty((len(values), self.width), dtype=np.float32)
        for place, (knots, levels) in enumerate(zip(self.knots, self.levels, strict=True)):
            found[:, place] = np.interp(values[:, place], knots, levels)
        found[:, : len(self.knots)][is_missing] = 0.0
        found[:, len(self.knots) :] = is_missing[:, self.missing]
        return found


def learn_columns(values: Floats) -> Preparation:
    """The quantiles of each column of (n, d) training rows."""
    found = [_shape_of(column[~np.isnan(column)]) for column in values.T]
    return Preparation(
        knots=np.array([knots for knots, _ in found], dtype=np.float32).reshape(-1, KNOTS),
        levels=np.array([levels for _, levels in found], dtype=np.float32).reshape(-1, KNOTS),
        missing=np.flatnonzero(np.isnan(values).any(axis=0)).astype(np.int64),
    )


def _shape_of(present: Floats) -> tuple[Floats, Floats]:
    """Knots and levels of one column; a value that many rows share stands at their middle."""
    if not len(present):
        return np.zeros(KNOTS, np.float32), np.zeros(KNOTS, np.float32)
    shares = (np.arange(KNOTS) + 0.5) / KNOTS
    normal = np.array([NormalDist().inv_cdf(share) for share in shares])
    drawn = np.quantile(present, shares).astype(np.float32)
    knots, place = np.unique(drawn, return_inverse=True)
    levels = np.bincount(place, weights=normal) / np.bincount(place)
    spread = np.interp(present, knots, levels)
    levels = (levels - spread.mean()) / max(float(spread.std()), 1e-6)
    padding = (0, KNOTS - len(knots))
    return np.pad(knots, padding, mode="edge"), np.pad(levels, padding, mode="edge")
