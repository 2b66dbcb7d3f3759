"""Maximal marginal relevance: the next item is good in itself and unlike those above it.

Pure numpy. Relevance is the score brought to 0..1 over the list; two items are as alike as the
share of their category levels in common, or the cosine of their vectors if that is larger. So an
item that no vector knows is still compared by its categories.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def diversified(
    scores: Doubles, categories: Ints, vectors: Floats, *, trade: float, count: int
) -> Longs:
    """Places of a ranked list in their new order: the first ``count`` chosen, the rest as before.

    ``trade`` is MMR's lambda: each choice is the largest trade * relevance - (1 - trade) * likeness
    to the most alike item chosen; equal values go by rank.
    """
    size = len(scores)
    if trade >= 1 or size < 2:
        return np.arange(size)
    relevance, unit = _relevance(scores), _unit(vectors)
    alike, chosen = np.zeros(size), np.zeros(size, dtype=np.bool_)
    order = []
    for _ in range(min(count, size)):
        value = np.where(chosen, -np.inf, trade * relevance - (1 - trade) * alike)
        best = int(value.argmax())  # the first of equals: the better ranked
        order.append(best)
        chosen[best] = True
        alike = np.maximum(alike, likeness(best, categories, unit))
    return np.concatenate([np.array(order, dtype=np.int64), np.flatnonzero(~chosen)])


def likeness(place: int, categories: Ints, unit: Floats) -> Doubles:
    """How alike each item is to the one at ``place``, 0 to 1; ``unit`` rows have length 1 or 0."""
    shared = (categories == categories[place]).mean(axis=1)
    cosine = unit @ unit[place]
    alike: Doubles = np.maximum(shared, cosine).clip(0, 1).astype(np.float64)
    return alike


def _relevance(scores: Doubles) -> Doubles:
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones(len(scores))


def _unit(vectors: Floats) -> Floats:
    length = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    unit: Floats = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return unit
