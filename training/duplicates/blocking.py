"""Which of all pairs are worth judging: those that share rare words or codes, or lie close.

Dimensions: N and M listings of the two sides (the same side twice for one catalogue), W words, D
numbers of a vector. An inverted index over words and codes proposes to each listing those with the
largest summed rarity of what both have; vectors propose the nearest beside them. Words that more
than ``_MOST_HAVE`` listings have propose nobody. Pure; knows no files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.duplicates.evidence import Evidence
from training.duplicates.listing import Listing
from training.exact_search import ExactIndex

Places = NDArray[np.int64]  # (P, 2): a listing of the first side, one of the second
Side = TypeVar("Side")
_MOST_HAVE = 1_000  # a word of more listings says too little for the pairs it would make
_ROWS = 512  # listings whose shared words are multiplied at once


@dataclass(frozen=True)
class Blocked:
    """What was found of the known duplicates, and how much is left to judge."""

    candidates: int
    share_of_all: float  # of the N x M pairs that there are
    recall: float  # share of the known duplicates among the candidates


def propose(
    first: Sequence[Listing],
    second: Sequence[Listing] | None,
    *,
    evidence: Evidence,
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    nearest: int = 5,
) -> Places:
    """Pairs to judge, each once and in order; ``second`` None: duplicates within ``first``.

    Each listing of either side is proposed its ``nearest`` by words, and by ``vectors`` (N, D) and
    (M, D) where there are any.
    """
    other = first if second is None else second
    nearest += second is None  # within one side a listing is its own nearest
    found = _both_ways(_by_words, *_words_of(first, other, evidence), nearest)
    if vectors is not None:
        found += _both_ways(_by_vectors, *vectors, nearest)
    pairs = np.unique(np.concatenate(found), axis=0)
    if second is not None:
        return pairs
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def measure_blocking(proposed: Places, known: Places, *, sizes: tuple[int, int]) -> Blocked:
    """Recall of ``known`` duplicates, and the share of all pairs that is left."""
    asked, found = set(map(tuple, known.tolist())), set(map(tuple, proposed.tolist()))
    total = max(sizes[0] * sizes[1], 1)
    recall = len(asked & found) / len(asked) if asked else float("nan")
    return Blocked(len(found), len(found) / total, recall)


def _words_of(
    first: Sequence[Listing], second: Sequence[Listing], evidence: Evidence
) -> tuple[sp.csr_array, sp.csr_array]:
    """(N, W) and (M, W): the rarity of the words and codes that a listing has."""
    place: dict[str, int] = {}
    each = []
    for side in (first, second):
        words = [sorted({*listing.words, *listing.codes}) for listing in side]
        columns = [place.setdefault(word, len(place)) for row in words for word in row]
        starts = np.concatenate([[0], np.cumsum([len(row) for row in words])])
        each.append((columns, starts))
    weight = np.array([evidence.weight((word,)) for word in place], dtype=np.float32)
    had = np.zeros(len(place))
    for columns, _ in each:
        had += np.bincount(columns, minlength=len(place))
    weight[had > _MOST_HAVE * (2 if first is second else 1)] = 0  # one side is counted twice
    sides = [
        sp.csr_array((weight[columns], columns, starts), shape=(len(starts) - 1, len(place)))
        for columns, starts in each
    ]
    return sides[0], sides[1]


def _by_words(asking: sp.csr_array, offered: sp.csr_array, count: int) -> Places:
    found, columns = [np.empty((0, 2), dtype=np.int64)], (offered > 0).T.tocsc().astype(np.float32)
    for begin in range(0, asking.shape[0], _ROWS):
        shared = (asking[begin : begin + _ROWS] @ columns).tocsr()
        for row in range(shared.shape[0]):
            span = slice(shared.indptr[row], shared.indptr[row + 1])
            places, scores = shared.indices[span], shared.data[span]
            kept = np.lexsort((places, -scores))[:count]
            kept = kept[scores[kept] > 0]
            found.append(np.stack([np.full(len(kept), begin + row), places[kept]], axis=1))
    return np.concatenate(found)


def _by_vectors(asking: NDArray[np.float32], offered: NDArray[np.float32], count: int) -> Places:
    places, _ = ExactIndex.of(offered).search(asking, k=count)
    rows = np.repeat(np.arange(len(asking)), places.shape[1])
    found = np.stack([rows, places.ravel()], axis=1).astype(np.int64)
    return found[found[:, 1] >= 0]


def _both_ways(
    by: Callable[[Side, Side, int], Places], one: Side, two: Side, k: int
) -> list[Places]:
    """What the first side is proposed of the second, and the other way about."""
    return [by(one, two, k), by(two, one, k)[:, ::-1]]
