"""Whether a review is positive: a fine-tuned network and weighed words, joined by one line.

Dimensions: N reviews. Log odds of both go into a logistic line that was fitted on reviews that
neither learned from, which also calibrates them. Knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.fine_tuning.lesson import Head, Texts
from training.fine_tuning.model import TunedModel
from training.sentiment.words import Doubles, WordModel

HEAD = Head("sentiment", "classes", ("negative", "positive"))
_SURE = 1e-4  # probabilities are cut here before their logarithm, so that no score is endless
Polarities = NDArray[np.float64]


@dataclass(frozen=True)
class SentimentModel:
    """``network_weight``, ``word_weight`` and ``offset`` are of the line over both log odds."""

    network: TunedModel | None
    words: WordModel
    network_weight: float
    word_weight: float
    offset: float
    usual_odds: float  # log odds of a positive review among those learned

    def probabilities(self, texts: Sequence[str]) -> Doubles:
        """(N,) that a review is positive; as of a usual one where there is no text."""
        if not len(texts):
            return np.empty(0)
        scores = self.word_weight * self.words.scores(texts) + self.offset
        if self.network is not None:
            scores = scores + self.network_weight * network_scores(self.network, texts)
        found: Doubles = 1 / (1 + np.exp(-np.where(_is_told(texts), scores, self.usual_odds)))
        return found

    def polarities(self, texts: Sequence[str]) -> Polarities:
        """(N,) of parts of reviews, -1 to 1: 0 says no more than that somebody wrote.

        Most reviews are positive, so a part that says nothing has a high probability; what it adds
        to the usual odds is what it says. By words alone, since parts are many and short.
        """
        if not len(texts):
            return np.empty(0)
        added = np.where(_is_told(texts), self.words.scores(texts) - self.words.offset, 0.0)
        found: Polarities = np.tanh(added / 2)
        return found


def network_scores(network: TunedModel, texts: Sequence[str]) -> Doubles:
    """(N,) log odds."""
    positive = network.probabilities(Texts(tuple(texts)))[:, 1].astype(np.float64)
    positive = positive.clip(_SURE, 1 - _SURE)
    found: Doubles = np.log(positive / (1 - positive))
    return found


def _is_told(texts: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([bool(text.strip()) for text in texts], dtype=np.bool_)
