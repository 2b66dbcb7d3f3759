"""How far a confidence is from what happened: expected calibration error, with its interval.

Dimensions: n rows, G lists (users), K bins. The error is the mean distance, over bins of equally
many rows, between the mean confidence and the share that was bought. Almost all candidates are
almost never bought, so the error over all of them is small for any line: that of each list's ten
best rows, which a page shows, is measured beside it, and the Brier score beside that of a constant
that knows the share only (a constant is calibrated and says nothing). Intervals come from drawing
users, whose rows belong together, not rows. Pure numpy.
"""

import numpy as np
import numpy.typing as npt

from governance.errors import InputError
from training.calibration.model import Doubles
from training.shop_data import Bools, Longs

BINS = 15
DRAWS = 1_000  # of users with replacement: enough for a 95 % interval
SHOWN = 10


def calibration_figures(
    confidence: Doubles,
    scores: npt.NDArray[np.floating],
    is_bought: Bools,
    *,
    sizes: Longs,
    seed: int,
) -> dict[str, object]:
    """Error, interval, Brier score and reliability table, of all rows and of each list's best.

    The best rows of a list are those of the best scores.
    """
    lists = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((-scores, lists))
    best = order[np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes) < SHOWN]
    return {
        "users": len(sizes),
        "all_candidates": _figures(confidence, is_bought, lists, seed),
        f"first_{SHOWN}": _figures(confidence[best], is_bought[best], lists[best], seed),
    }


def expected_calibration_error(confidence: Doubles, is_bought: Bools) -> float:
    """The mean over rows of their bin's distance between confidence and share bought."""
    if not len(confidence):
        raise InputError("there is no row to measure a calibration on", where="calibration")
    bin_of = equal_mass_bins(confidence)
    return float(_errors(_sums(confidence, is_bought, bin_of, np.zeros_like(bin_of)))[0])


def equal_mass_bins(confidence: Doubles) -> Longs:
    """(n,) bin of each row, of equally many rows as far as equal confidences, never parted, let."""
    _, place, count = np.unique(confidence, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2
    found: Longs = (middle / max(len(confidence), 1) * BINS).astype(np.int64)[place]
    return found


def _figures(confidence: Doubles, is_bought: Bools, lists: Longs, seed: int) -> dict[str, object]:
    sums = _sums(confidence, is_bought, equal_mass_bins(confidence), lists)  # (G, K, 3)
    low, high = _interval(sums, seed)
    share = float(is_bought.mean()) if len(is_bought) else 0.0
    return {
        "rows": len(confidence),
        "share_bought": share,
        "ece": float(_errors(sums.sum(axis=0, keepdims=True))[0]),
        "ece_interval_95": [low, high],
        "brier": float(((confidence - is_bought) ** 2).mean()) if len(is_bought) else 0.0,
        "brier_of_share": share * (1 - share),
        "reliability": [
            {"rows": int(rows), "confidence": float(c / rows), "bought": float(b / rows)}
            for rows, c, b in sums.sum(axis=0)
            if rows
        ],
    }


def _sums(confidence: Doubles, is_bought: Bools, bin_of: Longs, lists: Longs) -> Doubles:
    """(G, K, 3): rows, confidence and purchases of each list in each bin."""
    count = int(lists.max(initial=-1)) + 1
    weights = (np.ones_like(confidence), confidence, is_bought.astype(np.float64))
    cell = lists * BINS + bin_of
    parts = [np.bincount(cell, weights=weight, minlength=count * BINS) for weight in weights]
    sums: Doubles = np.stack(parts, axis=-1).reshape(count, BINS, 3).astype(np.float64)
    return sums


def _errors(sums: Doubles) -> Doubles:
    """(any,) expected calibration error of each (K, 3) block of sums."""
    gaps = np.abs(sums[..., 1] - sums[..., 2]).sum(axis=-1)
    errors: Doubles = gaps / np.maximum(sums[..., 0].sum(axis=-1), 1.0)
    return errors


def _interval(sums: Doubles, seed: int) -> tuple[float, float]:
    """The middle 95 % of the error over users drawn with replacement."""
    count = len(sums)
    if not count:
        return 0.0, 0.0
    draw = np.random.default_rng(seed)
    times = draw.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)
    drawn = (times @ sums.reshape(count, -1)).reshape(DRAWS, -1, 3)
    low, high = np.quantile(_errors(drawn), (0.025, 0.975))
    return float(low), float(high)
