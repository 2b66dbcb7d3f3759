"""A title as weighted words: single words, pairs, and which ones it begins with.

Words are hashed, so that a title nobody has seen needs no vocabulary. What begins a title (brand,
line) says more about who buys it than its end (size, pack), so weights fall with the place, and
the first word and the first pair are words of their own besides. Pure; knows no files.
"""

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from training.shop_data import Floats

BUCKETS = 1 << 18  # 40,000 words of 12,000 titles meet in one bucket of eight, mostly rare ones
_WORD = re.compile(r"[a-z0-9]+")
_MOST_COMMON = 0.1  # share of items; a word in more of them tells nothing apart


def counted(titles: Sequence[str], *, place_power: float, leading: float) -> sp.csr_array:
    """(titles, BUCKETS): the largest weight of each word in each title."""
    columns: list[int] = []
    weights: list[float] = []
    starts = [0]
    for title in titles:
        row = _weights(title, place_power=place_power, leading=leading)
        columns += row.keys()
        weights += row.values()
        starts.append(len(columns))
    parts = (np.array(weights, np.float32), np.array(columns, np.int64), np.array(starts, np.int64))
    found = sp.csr_array(parts, shape=(len(titles), BUCKETS))
    found.sort_indices()
    return found


def rarity(counts: sp.csr_array) -> Floats:
    """(BUCKETS,): log of how few of these titles have a word; 0 for those that nearly all have."""
    titles = counts.shape[0]
    known = np.bincount(counts.indices, minlength=BUCKETS)
    weight: Floats = np.log((titles + 1) / (known + 1)).astype(np.float32)
    weight[known > max(_MOST_COMMON * titles, 2)] = 0
    return weight


def unit_rows(counts: sp.csr_array, weight: Floats) -> sp.csr_array:
    """Rows of length 1, or empty ones; a product of two rows is a cosine."""
    weighed = counts.copy()
    weighed.data = weighed.data * weight[weighed.indices]
    weighed.eliminate_zeros()
    length = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    weighed.data /= np.repeat(np.maximum(length, 1e-9), np.diff(weighed.indptr)).astype(np.float32)
    return weighed


def _weights(title: str, *, place_power: float, leading: float) -> dict[int, float]:
    """The weight of each bucket of one title."""
    words = _WORD.findall(title.lower())
    found: dict[int, float] = {}
    for place, word in enumerate(words):
        _raise(found, word, (1 + place) ** -place_power)
    for place, (one, next_one) in enumerate(pairwise(words)):
        _raise(found, f"{one} {next_one}", (1 + place) ** -place_power)
    if leading > 0:
        for beginning in (words[:1], words[:2]):
            _raise(found, "^" + " ".join(beginning), leading)
    return found


def _raise(found: dict[int, float], term: str, weight: float) -> None:
    bucket = zlib.crc32(term.encode()) % BUCKETS
    found[bucket] = max(found.get(bucket, 0.0), weight)
