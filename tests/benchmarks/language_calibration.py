"""Expected calibration error: chance and share compared in bins of equal width."""

import numpy as np

BINS = 15


def calibration_error(
    chance: np.ndarray, happened: np.ndarray, bins: int = BINS, *, weight: np.ndarray | None = None
) -> float:
    """The mean over examples of how far their bin's mean chance is from its share."""
    weight = np.ones(len(chance)) if weight is None else weight
    place = np.minimum((chance * bins).astype(int), bins - 1)
    error = 0.0
    for one in np.unique(place):
        inside = place == one
        off = np.average(chance[inside] - happened[inside], weights=weight[inside])
        error += float(weight[inside].sum() / weight.sum() * abs(off))
    return error
