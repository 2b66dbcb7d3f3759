"""Whether two listings are of one product: string evidence first, then a network that reads both.

Dimensions: N pairs, F columns of evidence, K networks. A forest over string evidence gives every
pair a score; pairs that it does not rule out are read by K cross-encoders, and a logistic line over
both scores gives the probability. The answer for (a, b) is that for (b, a): evidence has no order,
and the network reads the alphabetically earlier text first. Knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training.duplicates.evidence import Evidence
from training.duplicates.listing import Listing
from training.duplicates.pairs import Pairs
from training.duplicates.reasons import reasons
from training.fine_tuning.lesson import Head, Texts
from training.fine_tuning.model import TunedModel

Doubles = NDArray[np.float64]
HEAD = Head("duplicates", "classes", ("different", "same"))
_SURE = 1e-4  # probabilities are cut here before their logarithm, so that no score is endless


@dataclass(frozen=True)
class Line:
    """A probability from scores: ``1 / (1 + exp(-(scores @ weights + offset)))``."""

    weights: tuple[float, ...]
    offset: float

    def probability(self, scores: Doubles) -> Doubles:
        """(N,) of (N, len(weights))."""
        found: Doubles = 1 / (1 + np.exp(-(scores @ np.array(self.weights) + self.offset)))
        return found


@dataclass(frozen=True)
class Verdict:
    """The answer for one pair; ``words`` and ``reading`` are its two parts as probabilities."""

    probability: float
    is_duplicate: bool
    words: float
    reading: float | None  # None: the words had ruled the pair out
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]


@dataclass(frozen=True)
class DuplicateMatcher:
    """All that was learned; ``threshold`` is where F1 was best on the training side."""

    evidence: Evidence
    forest: lgb.Booster
    networks: tuple[TunedModel, ...]
    by_words: Line  # of pairs that are not read
    by_both: Line  # of pairs that are read
    least_read: float  # score of the forest below which a pair is not read
    threshold: float

    def probabilities(self, pairs: Pairs, *, most_read: int | None = None) -> Doubles:
        """(N,) that both are of one product; calibrated on the training side.

        With ``most_read`` the networks read only so many pairs, the likeliest by words.
        """
        return self._parts(pairs, most_read)[0]

    def judge(self, pairs: Pairs) -> list[Verdict]:
        """Probability, decision and reasons of every pair."""
        found, words, reading = self._parts(pairs)
        told = [reasons(a, b) for a, b in zip(pairs.first, pairs.second, strict=True)]
        return [
            Verdict(
                probability=float(found[row]),
                is_duplicate=bool(found[row] >= self.threshold),
                words=float(words[row]),
                reading=None if np.isnan(reading[row]) else float(reading[row]),
                speaks_for=told[row][0],
                speaks_against=told[row][1],
            )
            for row in range(len(pairs))
        ]

    def _parts(
        self, pairs: Pairs, most_read: int | None = None
    ) -> tuple[Doubles, Doubles, Doubles]:
        """Fused, of words alone, and of reading alone (NaN where not read)."""
        words = forest_scores(self.forest, self.evidence.columns(pairs))
        found = self.by_words.probability(words[:, None])
        reading = np.full(len(pairs), np.nan)
        order = np.argsort(-words, kind="stable")[:most_read]
        read = np.sort(order[words[order] >= self.least_read])
        if len(read) and self.networks:
            scores = reading_scores(self.networks, pairs.take(read))
            found[read] = self.by_both.probability(np.stack([words[read], scores], axis=1))
            reading[read] = 1 / (1 + np.exp(-scores))
        return found, 1 / (1 + np.exp(-words)), reading


def forest_scores(forest: lgb.Booster, columns: Doubles) -> Doubles:
    """(N,) log odds."""
    if not len(columns):
        return np.empty(0)
    return np.asarray(forest.predict(columns, raw_score=True, num_threads=1), dtype=np.float64)


def reading_scores(networks: Sequence[TunedModel], pairs: Pairs) -> Doubles:
    """(N,) mean log odds of the networks."""
    texts = texts_of(pairs)
    each = []
    for network in networks:
        same = network.probabilities(texts)[:, 1].astype(np.float64).clip(_SURE, 1 - _SURE)
        each.append(np.log(same / (1 - same)))
    found: Doubles = np.mean(each, axis=0)
    return found


def texts_of(pairs: Pairs) -> Texts:
    """Both texts of every pair, the alphabetically earlier first."""
    sides = [sorted((a.text, b.text)) for a, b in zip(pairs.first, pairs.second, strict=True)]
    return Texts(tuple(side[0] for side in sides), tuple(side[1] for side in sides))


def pairs_of(listings: Sequence[tuple[Listing, Listing]]) -> Pairs:
    """Pairs to be judged, whose label nobody knows (0)."""
    first, second = zip(*listings, strict=True) if listings else ((), ())
    return Pairs(tuple(first), tuple(second), np.zeros(len(listings), dtype=np.int64))
