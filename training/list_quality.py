"""What lists are like beyond being right: coverage, novelty, diversity, the tail, and for whom.

Everything looks at the first k items of each list (``NO_ITEM`` where a list is shorter) and at
``counts``, the acts on each item that the models learned from. Pure numpy and scipy; knows no
files. Used by ``make bench-recommenders``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from training.retrievers import NO_ITEM
from training.shop_data import Bools, Floats, Ints, Longs

HEAD_SHARE = 0.2  # of the catalogue, the most popular items; the others are the tail
NEW_UP_TO = 4  # acts before the request: a 5-core data set's shortest histories
LIGHT_UP_TO = 9
FEW_UP_TO = 4  # acts on an item: fewer than the five that filtered data sets promise

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ListQuality:
    """Means over all lists; 0 where there is none."""

    coverage: float  # share of the catalogue that stands in some list
    novelty: float  # bits: mean of -log2 of an item's share of all acts
    diversity: float  # 1 - mean likeness of two items of a list
    tail_share: float  # of all places, those that go to items outside the head


def list_quality(
    items: Ints, counts: Longs, *, likeness: sp.csr_array | Floats | Ints, k: int
) -> ListQuality:
    """``items`` (lists, at least k); ``likeness``: a vector or a category code per item."""
    return ListQuality(
        coverage=coverage(items, len(counts), k),
        novelty=novelty(items, counts, k),
        diversity=diversity(items, likeness, k),
        tail_share=tail_share(items, counts, k),
    )


def coverage(items: Ints, item_count: int, k: int) -> float:
    """Share of the catalogue that is in the first k of at least one list."""
    shown = items[:, :k]
    return len(np.unique(shown[shown != NO_ITEM])) / max(item_count, 1)


def novelty(items: Ints, counts: Longs, k: int) -> float:
    """Mean self-information in bits; one act is added to each item, so that none is infinite."""
    shown = items[:, :k]
    bits = -np.log2((counts + 1) / (counts.sum() + len(counts)))
    found = bits[shown[shown != NO_ITEM]]
    return float(found.mean()) if len(found) else 0.0


def tail_share(items: Ints, counts: Longs, k: int, *, head_share: float = HEAD_SHARE) -> float:
    """Share of places given to items outside the head; equal counts go by smaller item."""
    shown = items[:, :k]
    head = np.argsort(-counts, kind="stable")[: round(head_share * len(counts))]
    in_tail = np.ones(len(counts), dtype=np.bool_)
    in_tail[head] = False
    found = in_tail[shown[shown != NO_ITEM]]
    return float(found.mean()) if len(found) else 0.0


def diversity(items: Ints, likeness: sp.csr_array | Floats | Ints, k: int) -> float:
    """1 - mean likeness of the pairs of a list, averaged over lists of two items or more.

    A vector per item: likeness is the cosine, 0 where a vector is empty. A code per item:
    likeness is 1 within a category, else 0.
    """
    row, place = np.nonzero(items[:, :k] != NO_ITEM)
    shape = (len(items), likeness.shape[0])
    cells = (np.ones(len(row), dtype=np.float32), (row, items[row, place]))
    lists = sp.csr_array(sp.coo_array(cells, shape=shape))
    unit = _unit(likeness)
    sums = sp.csr_array(lists @ unit)
    both = _row_squares(sums)  # of every ordered pair, an item with itself included
    itself = lists @ _row_squares(unit)
    sizes = np.bincount(row, minlength=len(items))
    pairs = sizes * (sizes - 1)
    found = pairs > 0
    if not found.any():
        return 0.0
    return float(1.0 - ((both - itself)[found] / pairs[found]).mean())


def user_groups(acts: npt.NDArray[np.integer]) -> Mapping[str, Bools]:
    """Requests by how much is known of who asks: new, light, heavy."""
    return {
        "new": acts <= NEW_UP_TO,
        "light": (acts > NEW_UP_TO) & (acts <= LIGHT_UP_TO),
        "heavy": acts > LIGHT_UP_TO,
    }


def item_groups(acts: npt.NDArray[np.integer]) -> Mapping[str, Bools]:
    """Targets by the acts on them that a model could learn from: unseen, few, many."""
    return {
        "unseen": acts == 0,
        "few": (acts > 0) & (acts <= FEW_UP_TO),
        "many": acts > FEW_UP_TO,
    }


def _unit(likeness: sp.csr_array | Floats | Ints) -> sp.csr_array:
    """Rows of length 1 (or empty); a category code becomes a row with one 1."""
    if not sp.issparse(likeness) and likeness.ndim == 1:
        places = np.arange(len(likeness))
        _, code = np.unique(likeness, return_inverse=True)
        ones = np.ones(len(likeness), dtype=np.float32)
        return sp.csr_array(sp.coo_array((ones, (places, code))))
    vectors = sp.csr_array(likeness, dtype=np.float64)
    length = np.sqrt(_row_squares(vectors))
    return sp.csr_array(sp.diags_array(1 / np.maximum(length, 1e-12)) @ vectors)


def _row_squares(vectors: sp.csr_array) -> Values:
    squares: Values = np.asarray(vectors.multiply(vectors).sum(axis=1), dtype=np.float64).ravel()
    return squares
