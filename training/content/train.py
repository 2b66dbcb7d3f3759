"""Fit links between items that read alike, from any item vectors: words of titles, or an encoder's.

A score is then a sum over the history, as in every linked model, so that a user is the fading mean
of their items and the largest part names the cause. Needs no act on an item: cold items have links.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from training.item_neighbours.model import ItemLinks
from training.retrievers import best_per_row
from training.shop_data import Floats

_WORD = re.compile(r"[a-z0-9]+")
_BLOCK = 512  # items compared with all others at once
_MOST_COMMON = 0.1  # share of items; a word in more of them tells nothing apart


@dataclass(frozen=True)
class ContentConfig:
    """Knobs with their effects."""

    neighbours: int = 100  # kept per item
    sharpness: float = 2.0  # of a cosine: higher trusts only near copies
    history_decay: float = 0.6  # per step back; below 1 the latest items say more


def title_vectors(titles: Sequence[str]) -> sp.csr_array:
    """(items, words and pairs of words): rare ones weigh more; rows as they add up."""
    words = [_terms(title) for title in titles]
    known = Counter(term for terms in words for term in set(terms))
    most = max(_MOST_COMMON * len(titles), 2)
    code = {t: i for i, t in enumerate(t for t, n in known.items() if 2 <= n <= most)}
    row = [item for item, terms in enumerate(words) for t in terms if t in code]
    column = [code[t] for terms in words for t in terms if t in code]
    rarity = np.array([np.log(len(titles) / known[t]) for t in code], dtype=np.float32)
    weights = rarity[column] if column else np.empty(0, dtype=np.float32)
    shape = (len(titles), max(len(code), 1))
    return sp.csr_array(sp.coo_array((weights, (row, column)), shape=shape))


def title_directions(titles: Sequence[str], width: int, *, seed: int) -> Floats:
    """(items, at most ``width``): titles along the main directions of their words (truncated SVD).

    The same seed gives the same directions; an item without a title, or a single rare one, is zero.
    """
    words = title_vectors(titles)
    width = min(width, min(words.shape) - 1)
    if width < 1 or not words.nnz:
        return np.zeros((len(titles), 1), dtype=np.float32)
    start = np.random.default_rng(seed).normal(size=min(words.shape)).astype(np.float32)
    left, strength, _ = sp.linalg.svds(words, k=width, v0=start)
    return np.asarray(left * strength, dtype=np.float32)


def fit_content(vectors: sp.csr_array | Floats, config: ContentConfig) -> ItemLinks:
    """The nearest other items of each by cosine; ``vectors`` has a row per item."""
    unit = _unit(sp.csr_array(vectors).astype(np.float32))
    flipped = sp.csr_array(unit.T)
    items, weights, sizes = [], [], np.zeros(unit.shape[0], dtype=np.int64)
    for begin in range(0, unit.shape[0], _BLOCK):
        alike = sp.csr_array(unit[begin : begin + _BLOCK] @ flipped)
        row = np.repeat(np.arange(alike.shape[0]), np.diff(alike.indptr))
        others = np.flatnonzero((alike.indices != row + begin) & (alike.data > 0))
        kept = others[best_per_row(row[others], alike.data[others], config.neighbours)]
        items.append(alike.indices[kept])
        weights.append(alike.data[kept] ** config.sharpness)
        sizes[begin : begin + alike.shape[0]] = np.bincount(row[kept], minlength=alike.shape[0])
    return ItemLinks(
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        item=np.concatenate([np.empty(0, dtype=np.int32), *items]).astype(np.int32),
        weight=np.concatenate([np.empty(0), *weights]).astype(np.float32),
        history_decay=config.history_decay,
    )


def _terms(title: str) -> list[str]:
    words = _WORD.findall(title.lower())
    return [*words, *(f"{a} {b}" for a, b in pairwise(words))]


def _unit(vectors: sp.csr_array) -> sp.csr_array:
    length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    return sp.csr_array(sp.diags_array(1 / np.maximum(length, 1e-9)) @ vectors)
