"""What correction does to a search, and how long it takes: BM25 over the catalogue's titles."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import bm25s
import numpy as np
from language_query_help_noise import misspelt
from language_query_help_words import interval, is_word, slipped, timed
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from training.query_help.spelling import Speller, correct
from training.query_help.spelling_lesson import teach
from training.query_help.vocabulary import learn_vocabulary
from training.query_help.words import words_of

LARGE = 200_000  # words of the vocabulary whose speed is told
TIMED, TIMED_FLOOR = 500, 40  # queries; the floor takes a hundred times as long
DEPTH = 10


def speed(speller: Speller, draw: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    """A query of three words, one of them misspelt; and with a vocabulary blown up by halves."""
    words = [word for word in speller.vocabulary.counts if is_word(word)]
    large = dict(speller.vocabulary.counts)
    for _ in range(20 * LARGE):  # a small catalogue has not so many halves
        if len(large) >= LARGE:
            break
        one, other = (words[int(at)] for at in draw.integers(len(words), size=2))
        large[one[: int(draw.integers(2, 7))] + other[-int(draw.integers(2, 6)) :]] = 2
    wide = replace(speller, vocabulary=replace(speller.vocabulary, counts=large))
    typed = [misspelt(words[int(at)], draw) for at in draw.integers(len(words), size=TIMED)]
    targets = [word for word in large if word.isalpha()]
    queries = [f"black {word} cable" for word in typed]
    figures = {}
    for name, one in (("catalogue", speller), (f"{LARGE // 1000}k_words", wide)):
        taken = timed(queries, partial(correct, speller=one))
        figures |= {f"{name}_{key}": value for key, value in taken.items()}
    floor = timed(typed[:TIMED_FLOOR], lambda w: extract(w, targets, scorer=OSA.distance, limit=1))
    return {"speed": figures}, {
        f"nearest_of_{LARGE // 1000}k_words_{key}": v for key, v in floor.items()
    }


def recall(
    titles: Sequence[str], language: Collection[str], most: int, draw: np.random.Generator
) -> dict[str, Any]:
    vocabulary = learn_vocabulary(titles, language)
    speller = teach(vocabulary, titles, seed=1)
    search, count = _searched(titles)
    asked = slipped(titles, vocabulary, most // 2, draw)
    mended = [correct(one.query, speller, count=count).text for one in asked]
    ways = {
        "recall_at_10_clean": [" ".join(one.words) for one in asked],
        "recall_at_10_misspelt": [one.query for one in asked],
        "recall_at_10_corrected": mended,
    }
    figures: dict[str, Any] = {"known_item_queries": len(asked)}
    for name, queries in ways.items():
        hits = [one.item in search(query) for one, query in zip(asked, queries, strict=True)]
        figures |= interval(name, np.array(hits))
    return figures


def _searched(
    titles: Sequence[str],
) -> tuple[Callable[[str], set[int]], Callable[[str], int]]:
    """BM25's best ten, and how many titles have every word."""
    index = bm25s.BM25()
    tokens = [words_of(title) for title in titles]
    index.index(tokens, show_progress=False)
    having: dict[str, set[int]] = defaultdict(set)
    for place, words in enumerate(tokens):
        for word in words:
            having[word].add(place)

    def search(query: str) -> set[int]:
        words = [word for word in words_of(query) if word in having]
        if not words:
            return set()
        scores = index.get_scores(words)
        return set(np.argsort(-scores, kind="stable")[:DEPTH].tolist())

    def count(query: str) -> int:
        found = [having.get(word, set()) for word in words_of(query)]
        return len(set.intersection(*found)) if found else 0

    return search, count
