"""Metrics of requests with one right item each: full ranking, ties counted against the model.

The place of the target is the number of items that score at least as high as it, itself included.
It is exact up to the k of the proposals: a target below them is a miss at any cut-off up to k.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.retrievers import Proposals
from training.shop_data import Ints, Longs

MISSED = np.iinfo(np.int64).max
_DRAWS = 1_000  # bootstrap samples; the ends of a 95 % interval move in the third digit


@dataclass(frozen=True)
class Interval:
    """A mean with the 2.5 and 97.5 percent points of its bootstrap over groups."""

    mean: float
    low: float
    high: float


def places(proposals: Proposals, target: Ints) -> Longs:
    """Place of each target from 1, the worst among equal scores; MISSED where not proposed."""
    at_target = proposals.items == target[:, None]
    own = np.where(at_target, proposals.scores, -np.inf).max(axis=1, initial=-np.inf)
    not_worse = (proposals.scores >= own[:, None]).sum(axis=1)
    return np.where(at_target.any(axis=1), not_worse, MISSED)


def ndcg(place: Longs, k: int) -> npt.NDArray[np.float64]:
    """Per request 1 / log2(1 + place) up to k, else 0."""
    hit = place <= k
    return np.where(hit, 1.0 / np.log2(1.0 + np.where(hit, place, 1)), 0.0)


def hits(place: Longs, k: int) -> npt.NDArray[np.float64]:
    """Per request 1 up to k, else 0: HR@k, and what session papers call P@k."""
    return (place <= k).astype(np.float64)


def reciprocal(place: Longs, k: int) -> npt.NDArray[np.float64]:
    """Per request 1 / place up to k, else 0: MRR@k."""
    hit = place <= k
    return np.where(hit, 1.0 / np.where(hit, place, 1), 0.0)


def bootstrap(values: npt.NDArray[np.float64], group: Ints, *, seed: int = 0) -> Interval:
    """The mean over requests; whole groups (users, sessions) are drawn with replacement."""
    if not len(values):
        return Interval(0.0, 0.0, 0.0)
    _, code = np.unique(group, return_inverse=True)
    sums, sizes = np.bincount(code, weights=values), np.bincount(code)
    draw = np.random.default_rng(seed)
    means = np.empty(_DRAWS)
    for sample in range(_DRAWS):
        chosen = draw.integers(0, len(sums), len(sums))
        means[sample] = sums[chosen].sum() / sizes[chosen].sum()
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))
