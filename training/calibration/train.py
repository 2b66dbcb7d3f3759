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
from scipy.optimize import isotonic_regression, minimize

from governance.errors import InputError
from training.calibration.measure import calibration_figures
from training.calibration.model import Calibration, Doubles, level_of
from training.shop_data import Bools, Longs

# Rows pooled into a point before shares are counted: the best-scored rows are few, and one sale
# among three would else promise 33 %.
LEAST_ROWS = 100
_RIDGE = 1e-7  # keeps the weights finite where the scores part the labels
_LEAST_SLOPE = 0.05  # a ranker that says less than this per deviation says nothing to weigh against


@dataclass(frozen=True)
class Scored:
    """Scored candidates in lists, one list per user: what a calibration is fitted on."""

    scores: npt.NDArray[np.floating]
    baskets: npt.NDArray[np.floating]  # the mean basket of each row's user
    is_bought: Bools
    sizes: Longs  # of the lists

    def of(self, lists: Bools) -> "Scored":
        """The rows of some of the lists."""
        rows = np.repeat(lists, self.sizes)
        return Scored(
            self.scores[rows], self.baskets[rows], self.is_bought[rows], self.sizes[lists]
        )


@dataclass(frozen=True)
class FittedCalibration:
    """The calibration and what it reached on users it was not fitted on."""

    calibration: Calibration
    figures: dict[str, object]


def calibrate(scored: Scored, user_ids: Sequence[str], *, seed: int) -> FittedCalibration | None:
    """Fit on half the users, measure on the other; None where a half has nobody."""
    fits = in_first_half(user_ids)
    if fits.all() or not fits.any():
        return None
    calibration, other = fit_calibration(scored.of(fits)), scored.of(~fits)
    figures = calibration_figures(
        calibration.confidence(other.scores, other.baskets),
        other.scores,
        other.is_bought,
        sizes=other.sizes,
        seed=seed,
    )
    learned = {
        "fitted_on_users": int(fits.sum()),
        "basket_weight": calibration.basket_weight,
        "highest": float(calibration.probabilities[-1]),
    }
    return FittedCalibration(calibration, learned | figures)


def in_first_half(user_ids: Sequence[str]) -> Bools:
    """Halves by a digest of the id: the same user is always in the same one."""
    digests = (hashlib.sha256(user.encode()).digest()[0] for user in user_ids)
    return np.array([digest % 2 == 0 for digest in digests], dtype=np.bool_)


def fit_calibration(scored: Scored, *, least_rows: int = LEAST_ROWS) -> Calibration:
    """Isotonic regression by pooling neighbours that fall, over points of at least so many rows."""
    scores = scored.scores
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
    weight = _basket_weight(scored)
    levels = level_of(scores, scored.baskets, weight)
    place, shares, rows = _points(levels, scored.is_bought, least_rows)
    risen = isotonic_regression(shares, weights=rows).x
    return Calibration(place, np.clip(risen, 0.0, 1.0), weight)


def _basket_weight(scored: Scored) -> float:
    """What the logarithm of the mean basket is worth in units of the score, by a logistic fit.

    Never below zero; zero where the labels or the scores say nothing.
    """
    spread = float(scored.scores.std())
    if spread == 0 or scored.is_bought.all() or not scored.is_bought.any():
        return 0.0
    sized = level_of(np.zeros(len(scored.scores)), scored.baskets, 1.0)
    columns = np.column_stack([scored.scores / spread, sized, np.ones(len(sized))])

    def short(weights: Doubles) -> tuple[float, Doubles]:
        logits = columns @ weights
        losses = np.logaddexp(0.0, logits) - scored.is_bought * logits
        misses = 1 / (1 + np.exp(-np.clip(logits, -500, 500))) - scored.is_bought
        loss = float(losses.mean() + _RIDGE * (weights**2).sum())
        return loss, columns.T @ misses / len(misses) + 2 * _RIDGE * weights

    slope, worth, _ = minimize(short, np.zeros(3), jac=True, method="BFGS").x
    return max(float(worth / slope), 0.0) * spread if slope > _LEAST_SLOPE else 0.0


def _points(levels: Doubles, is_bought: Bools, least_rows: int) -> tuple[Doubles, Doubles, Doubles]:
    """Mean level, share bought and rows of each point; equal levels stay in one point."""
    _, place, count = np.unique(levels, return_inverse=True, return_counts=True)
    point_of = (np.cumsum(count) - count) // least_rows
    last = np.flatnonzero(point_of == point_of[-1])[0]
    if count[last:].sum() < least_rows:  # too few are left: they join the point before
        point_of[last:] = point_of[max(last - 1, 0)]
    point = np.unique(point_of, return_inverse=True)[1][place]
    rows = np.bincount(point).astype(np.float64)
    return (
        np.bincount(point, weights=levels) / rows,
        np.bincount(point, weights=is_bought) / rows,
        rows,
    )
