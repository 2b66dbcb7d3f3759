"""Fit a calibration on a window that is later than all the ranker learned from, and measure it.

The window is the validation window: its labels begin where the training labels end, and its
candidates are drawn as an answer draws them, all kept; training windows keep a sample of their
negatives, so shares counted there mean nothing. One half of its users fits, the other measures,
and what was fitted on the first half is what ships: the error in the card is that of the very
line that answers. The ranker stopped early on this window, so the error of the test window, which
the evaluation reports beside it, is the cleaner of the two. Pure.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from governance.errors import InputError
from training.calibration.measure import calibration_figures
from training.calibration.model import Calibration, Doubles
from training.shop_data import Bools, Longs

# Rows pooled into a point before shares are counted: the best-scored rows are few, and one sale
# among three would else promise 33 %.
LEAST_ROWS = 100


@dataclass(frozen=True)
class FittedCalibration:
    """The calibration and what it reached on users it was not fitted on."""

    calibration: Calibration
    figures: dict[str, object]


def calibrate(
    scores: npt.NDArray[np.floating],
    is_bought: Bools,
    *,
    sizes: Longs,
    user_ids: Sequence[str],
    seed: int,
) -> FittedCalibration | None:
    """Fit on half the lists' users, measure on the other; None where a half has nobody.

    Rows lie in lists of these ``sizes``, one list per entry of ``user_ids``.
    """
    fits = in_first_half(user_ids)
    if fits.all() or not fits.any():
        return None
    rows = np.repeat(fits, sizes)
    calibration = fit_calibration(scores[rows], is_bought[rows])
    figures = calibration_figures(
        calibration, scores[~rows], is_bought[~rows], sizes=sizes[~fits], seed=seed
    )
    return FittedCalibration(calibration, {"fitted_on_users": int(fits.sum())} | figures)


def in_first_half(user_ids: Sequence[str]) -> Bools:
    """Halves by a digest of the id: the same user is always in the same one."""
    digests = (hashlib.sha256(user.encode()).digest()[0] for user in user_ids)
    return np.array([digest % 2 == 0 for digest in digests], dtype=np.bool_)


def fit_calibration(
    scores: npt.NDArray[np.floating], is_bought: Bools, *, least_rows: int = LEAST_ROWS
) -> Calibration:
    """Isotonic regression by pooling neighbours that fall, over points of at least so many rows."""
    if not len(scores):
        raise InputError(
            "there is nothing to calibrate on",
            where="calibration",
            why="no candidate of the calibration window has a score",
            next_step="give a window in which users bought",
        )
    if not np.isfinite(scores).all():
        raise InputError(
            f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not finite",
            where="calibration",
            next_step="look at the ranker that gave them",
        )
    place, shares, rows = _points(scores.astype(np.float64), is_bought, least_rows)
    risen = isotonic_regression(shares, weights=rows).x
    return Calibration(place, np.clip(risen, 0.0, 1.0))


def _points(scores: Doubles, is_bought: Bools, least_rows: int) -> tuple[Doubles, Doubles, Doubles]:
    """Mean score, share bought and rows of each point; equal scores stay in one point."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    point_of = (np.cumsum(count) - count) // least_rows
    last = np.flatnonzero(point_of == point_of[-1])[0]
    if count[last:].sum() < least_rows:  # too few are left: they join the point before
        point_of[last:] = point_of[max(last - 1, 0)]
    point = np.unique(point_of, return_inverse=True)[1][place]
    rows = np.bincount(point).astype(np.float64)
    return (
        np.bincount(point, weights=scores) / rows,
        np.bincount(point, weights=is_bought) / rows,
        rows,
    )
