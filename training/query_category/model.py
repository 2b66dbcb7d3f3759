"""Query to category: near in words, near in meaning, or both; a calibrated chance, or "unknown".

A category is known by example texts: its own name, titles of its items, queries that led to a
purchase in it. Dimensions: Q queries, E examples, C categories, F word features, D numbers of a
vector. Knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from training.encoder.model import Encoder
from training.encoder.readable import readable

NAME = "query_category"  # of its bundles, by nearness and by a fine-tuned head
UNKNOWN = ""  # the category of a query that no category is sure of
MOST_CHARACTERS = 200  # of a query that are read: a page pasted into the field says no more
LENGTH = 48  # tokens of a query or title that are read
FEATURES = 2**16  # few clashes among a catalogue's letter groups

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Examples:
    """E texts and the category of each."""

    texts: tuple[str, ...]
    categories: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Examples":
        return Examples(
            tuple(self.texts[row] for row in rows), tuple(self.categories[row] for row in rows)
        )


@dataclass(frozen=True)
class Guess:
    """``category`` is UNKNOWN where the chance of the best of ``ranked`` is too small."""

    category: str
    probability: float
    ranked: tuple[tuple[str, float], ...]  # the likeliest categories and their chances


@dataclass(frozen=True)
class Weighing:
    """How the two kinds of nearness are joined and turned into chances; chosen by validation."""

    meaning: float  # share of nearness in meaning, the rest is nearness in words
    mean: float  # share of the mean over a category's examples, the rest is its nearest example
    sharpness: float = 20.0  # by which scores are multiplied before the softmax
    unknown_below: float = 0.0  # a smaller best chance is answered with UNKNOWN


@dataclass(frozen=True)
class QueryCategories:
    """Examples as features, by category in one order, and how they are weighed."""

    categories: tuple[str, ...]  # (C,)
    place: NDArray[np.int64]  # (E,) category of an example, ascending
    words: sparse.csr_matrix  # (E, F) rows of length 1
    rarity: Floats  # (F,) inverse document frequency
    vectors: Floats  # (E, D) rows of length 1
    weighing: Weighing

    def probabilities(self, queries: Sequence[str], encoder: Encoder) -> Floats:
        """(Q, C) chances that sum to 1."""
        near = nearness(self, queries, encoder)
        return chances(scores(near, self.weighing), self.weighing.sharpness)

    def guess(self, queries: Sequence[str], encoder: Encoder, *, most: int = 3) -> list[Guess]:
        """The likeliest categories of each query; an empty query is UNKNOWN."""
        found = self.probabilities(queries, encoder)
        answers = []
        for query, row in zip(queries, found, strict=True):
            order = np.argsort(-row, kind="stable")[:most]
            ranked = tuple((self.categories[place], float(row[place])) for place in order)
            is_sure = readable(query) and ranked and ranked[0][1] >= self.weighing.unknown_below
            answers.append(
                Guess(ranked[0][0] if is_sure else UNKNOWN, ranked[0][1] if ranked else 0.0, ranked)
            )
        return answers


@dataclass(frozen=True)
class Nearness:
    """(Q, C) each: the nearest example and the mean of a category, in words and in meaning."""

    words_nearest: Floats
    words_mean: Floats
    meaning_nearest: Floats
    meaning_mean: Floats


def nearness(model: QueryCategories, queries: Sequence[str], encoder: Encoder) -> Nearness:
    """How near each category's examples are to each query."""
    read = [readable(query, MOST_CHARACTERS) for query in queries]
    in_words = (word_features(read, model.rarity) @ model.words.T).toarray()
    in_meaning = encoder.embed(read, length=LENGTH) @ model.vectors.T
    begins = np.searchsorted(model.place, np.arange(len(model.categories)))
    counts = np.bincount(model.place, minlength=len(model.categories)).astype(np.float32)

    def nearest(similar: Floats) -> Floats:
        return np.maximum.reduceat(similar, begins, axis=1).astype(np.float32)

    def mean(similar: Floats) -> Floats:
        return (np.add.reduceat(similar, begins, axis=1) / counts).astype(np.float32)

    return Nearness(nearest(in_words), mean(in_words), nearest(in_meaning), mean(in_meaning))


def scores(near: Nearness, weighing: Weighing) -> Floats:
    """(Q, C) one score of the four kinds of nearness."""
    m, share = weighing.meaning, weighing.mean
    nearest = m * near.meaning_nearest + (1 - m) * near.words_nearest
    mean = m * near.meaning_mean + (1 - m) * near.words_mean
    return (share * mean + (1 - share) * nearest).astype(np.float32)


def chances(scored: Floats, sharpness: float) -> Floats:
    """(Q, C) softmax of scores."""
    raised = np.exp(sharpness * (scored - scored.max(axis=1, keepdims=True)))
    found: Floats = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def word_features(read: Sequence[str], rarity: Floats | None) -> sparse.csr_matrix:
    """(Q, F) rows of length 1: letter groups within words, rare ones weighing more."""
    groups = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), n_features=FEATURES, alternate_sign=False, norm=None
    )
    counted = groups.transform(read)
    if rarity is None:
        return counted.tocsr()
    weighed = counted.multiply(rarity).tocsr()
    length = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1))).ravel()
    return sparse.diags(1 / np.maximum(length, 1e-9)).dot(weighed).tocsr().astype(np.float32)
