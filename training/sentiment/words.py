"""Sentiment by words alone: TF-IDF of words and character grams, one weight each.

Dimensions: N texts, W word terms, C character terms. A floor on its own, and half of the answer in
``model.py``: it counts what the network has not time to learn. What is kept is terms, rarities and
weights: plain arrays, no pickle.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
_WORDS: dict[str, Any] = {"ngram_range": (1, 3), "token_pattern": r"[^\s.,;:()\"!?]+|[!?]"}
_CHARACTERS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (2, 5)}
_MOST_CHARACTERS = 100_000  # character terms: more add seconds and no AUC
_STEPS = 200  # of the solver


@dataclass(frozen=True)
class WordModel:
    """``weights`` (W + C,) and ``offset`` give log odds of a positive review."""

    words: tuple[str, ...]
    word_rarity: Doubles  # (W,)
    characters: tuple[str, ...]
    character_rarity: Doubles  # (C,)
    weights: Doubles
    offset: float

    def scores(self, texts: Sequence[str]) -> Doubles:
        """(N,) log odds."""
        found: Doubles = self._columns(texts) @ self.weights + self.offset
        return found

    def _columns(self, texts: Sequence[str]) -> sp.csr_array:
        return _joined([vectoriser.transform(texts) for vectoriser in self._vectorisers])

    @cached_property
    def _vectorisers(self) -> tuple[TfidfVectorizer, TfidfVectorizer]:
        words = _vectoriser(_WORDS, vocabulary=self.words)
        characters = _vectoriser(_CHARACTERS, vocabulary=self.characters)
        words.idf_, characters.idf_ = self.word_rarity, self.character_rarity
        return words, characters


def fit_words(texts: Sequence[str], labels: Ints, *, strength: float) -> WordModel:
    """Logistic regression; a larger ``strength`` trusts the weights more (sklearn's C)."""
    return next(fit_each(texts, labels, [strength]))


def fit_each(texts: Sequence[str], labels: Ints, strengths: Sequence[float]) -> Iterator[WordModel]:
    """A model for each strength, terms counted once for all of them."""
    words = _vectoriser(_WORDS, min_df=2)
    characters = _vectoriser(_CHARACTERS, min_df=3, max_features=_MOST_CHARACTERS)
    columns = _joined([vectoriser.fit_transform(texts) for vectoriser in (words, characters)])
    for strength in strengths:
        line = LogisticRegression(
            C=strength, solver="liblinear", dual=True, max_iter=_STEPS, random_state=0
        )
        line.fit(columns, labels)
        yield WordModel(
            tuple(words.get_feature_names_out()),
            words.idf_,
            tuple(characters.get_feature_names_out()),
            characters.idf_,
            line.coef_[0].astype(np.float64),
            float(line.intercept_[0]),
        )


def _vectoriser(kind: dict[str, Any], **options: Any) -> TfidfVectorizer:
    return TfidfVectorizer(sublinear_tf=True, lowercase=True, **kind, **options)


def _joined(parts: list[Any]) -> sp.csr_array:
    return sp.csr_array(sp.hstack(parts, format="csr"))
