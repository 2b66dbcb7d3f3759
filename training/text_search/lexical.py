"""BM25 over the words of each product's text, by bm25s. Knows no files but its own arrays' folder.

Dimensions: N products. A word of the query counts once, however often it is typed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import bm25s
import numpy as np
from bm25s.tokenization import Tokenized
from numpy.typing import NDArray

from training.shop_data import Floats, Ints
from training.text_search.words import distinct, words_of

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Lexical:
    """An index of N texts; there is no adding to one: a new one takes 0.1 ms a product."""

    index: bm25s.BM25
    count: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Lexical":
        """An index of texts."""
        return cls.of_words([words_of(text) for text in texts])

    @classmethod
    def of_words(cls, texts: Sequence[Sequence[str]]) -> "Lexical":
        """Words are numbered by first appearance, so that the same texts give the same bytes."""
        numbers: dict[str, int] = {"": 0}
        ids = [[numbers.setdefault(word, len(numbers)) for word in words] for words in texts]
        if not any(ids):  # not a word anywhere: bm25s would divide by the mean length
            ids = [[0]] * len(ids)
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets DEBUG itself
        index = bm25s.BM25()
        index.index(Tokenized(ids, numbers), show_progress=False)
        return cls(index, len(ids))

    def scores(self, query: str) -> Floats:
        """(N,) of every product; 0 where no word agrees."""
        known = [self.index.vocab_dict[word] for word in self.known_words(query)]
        if not known:
            return np.zeros(self.count, dtype=np.float32)
        found: Floats = self.index.get_scores_from_ids(known)
        return found

    def known_words(self, query: str) -> list[str]:
        """The query's words that some product has."""
        return [word for word in distinct(words_of(query)) if word in self.index.vocab_dict]

    def agreement(self, words: Sequence[str], rows: Ints) -> Bools:
        """(R, W) whether a product has a word; ``words`` are known ones."""
        found = np.zeros((len(rows), len(words)), dtype=np.bool_)
        starts, places = self.index.scores["indptr"], self.index.scores["indices"]
        for column, word in enumerate(words):
            number = self.index.vocab_dict[word]
            found[:, column] = np.isin(rows, places[starts[number] : starts[number + 1]])
        return found
