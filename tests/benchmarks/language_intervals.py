"""F1, AUC and calibration of a yes-or-no answer, with 95 % bootstrap intervals.

Rows are drawn, or groups of rows that are no independent draws: reviews of one item.
Dimensions: N rows, G groups, B draws with replacement. A draw is how often each row is in it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from governance.errors import InputError

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
_DRAWS = 1_000  # the ends of a 95 % interval move in the third digit
_BINS = 10  # of the calibration error, equally many rows in each


def f1_figures(is_said: NDArray[np.bool_], labels: Ints, *, name: str = "f1") -> dict[str, float]:
    """F1, its interval, and precision and recall."""
    right, said, are = is_said & (labels == 1), is_said, labels == 1
    rows = np.arange(len(labels))
    drawn = [_f1(float(t @ right), float(t @ said), float(t @ are)) for t in _draws(rows)]
    found = _with_interval(name, _f1(right.sum(), said.sum(), are.sum()), drawn)
    found["precision"] = float(right.sum() / max(said.sum(), 1))
    found["recall"] = float(right.sum() / max(are.sum(), 1))
    return found


def auc_figures(
    scores: Doubles,
    labels: Ints,
    *,
    floor: Doubles | None = None,
    groups: Ints | None = None,
) -> dict[str, float]:
    """AUC with its interval; with a floor also how far above it, drawn in the same rows.

    ``groups`` (N,): numbers from 0, drawn as wholes. InputError where all labels are alike.
    """
    if len(np.unique(labels)) < 2:
        raise InputError(
            "all judged labels are alike", why="there is no order to judge", next_step="give more"
        )
    drawn_in = np.arange(len(labels)) if groups is None else groups
    each = [
        _WeighedAuc(given, labels) for given in ((scores,) if floor is None else (scores, floor))
    ]
    drawn = np.array([[auc.of(times) for auc in each] for times in _draws(drawn_in)])
    whole = [auc.of(np.ones(len(labels))) for auc in each]
    found = _with_interval("auc", whole[0], drawn[:, 0])
    if floor is not None:
        found |= _with_interval("auc_above_floor", whole[0] - whole[1], drawn[:, 0] - drawn[:, 1])
    return found


def calibration_error(probabilities: Doubles, labels: Ints) -> float:
    """Mean distance of probability and share over bins of equally many rows."""
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, _BINS)
    gaps = [abs(float((probabilities[p] - labels[p]).sum())) for p in parts if len(p)]
    return sum(gaps) / max(len(labels), 1)


def upper_bound(wrong: int, of: int) -> float:
    """The share that is not exceeded with 95 % confidence: Clopper and Pearson's, one-sided."""
    return 1.0 if wrong >= of else float(beta.ppf(0.95, wrong + 1, of - wrong))


class _WeighedAuc:
    """The share of pairs in right order, ties half, for any weights of rows; sorted once."""

    def __init__(self, scores: Doubles, labels: Ints) -> None:
        _, self.level = np.unique(scores, return_inverse=True)
        self.labels = labels

    def of(self, times: Doubles) -> float:
        count = int(self.level.max(initial=0)) + 1
        yes = np.bincount(self.level, weights=times * self.labels, minlength=count)
        no = np.bincount(self.level, weights=times * (1 - self.labels), minlength=count)
        below = np.cumsum(no) - no
        total = yes.sum() * no.sum()
        return float((yes * (below + no / 2)).sum() / total) if total else float("nan")


def _draws(groups: Ints) -> Iterator[Doubles]:
    draw, count = np.random.default_rng(0), int(groups.max(initial=-1)) + 1
    for _ in range(_DRAWS):
        times = np.bincount(draw.integers(0, count, count), minlength=count)
        yield times[groups].astype(np.float64)


def _f1(right: float, said: float, are: float) -> float:
    return float(2 * right / max(said + are, 1))


def _with_interval(name: str, value: float, drawn: object) -> dict[str, float]:
    low, high = np.nanquantile(np.asarray(drawn), (0.025, 0.975))
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}
