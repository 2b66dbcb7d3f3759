"""Misspelt queries of a catalogue's titles, shares with their intervals, and milliseconds."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from language_query_help_noise import misspelt
from numpy.typing import ArrayLike

from training.query_help.spelling import LEAST_LETTERS
from training.query_help.vocabulary import Vocabulary
from training.query_help.words import words_of


@dataclass(frozen=True)
class Slipped:
    """A query of a title's words, one of them misspelt."""

    words: tuple[str, ...]
    place: int
    typed: str
    item: int = -1

    @property
    def query(self) -> str:
        return " ".join([*self.words[: self.place], self.typed, *self.words[self.place + 1 :]])


def slipped(
    titles: Sequence[str], vocabulary: Vocabulary, most: int, draw: np.random.Generator
) -> list[Slipped]:
    """At most ``most`` queries, each with one known word misspelt."""
    found = []
    for _ in range(most):
        item = int(draw.integers(len(titles)))
        words = list(dict.fromkeys(words_of(titles[item])))
        usable = [w for w in words if is_word(w) and vocabulary.is_known(w)]
        if not usable:
            continue
        word = usable[int(draw.integers(len(usable)))]
        rest = [one for one in words if one != word and vocabulary.is_known(one)]
        others = draw.permutation(rest)[:2].tolist() if rest else []
        place = int(draw.integers(len(others) + 1))
        query = (*others[:place], word, *others[place:])
        found.append(Slipped(query, place, misspelt(word, draw), item))
    return found


def is_word(word: str) -> bool:
    return word.isalpha() and len(word) >= LEAST_LETTERS


def timed(given: Sequence[str], act: Callable[[str], object]) -> dict[str, float]:
    """Milliseconds a call, the first left out: it builds what later calls find."""
    act(given[0])
    taken = []
    for one in given:
        begun = time.perf_counter()
        act(one)
        taken.append((time.perf_counter() - begun) * 1_000)
    p50, p99 = np.percentile(taken, [50, 99])
    return {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}


def interval(name: str, right: ArrayLike) -> dict[str, float]:
    """A share with its 95 % bootstrap interval over queries."""
    draw, each = np.random.default_rng(0), np.asarray(right, dtype=float)
    drawn = [each[draw.integers(len(each), size=len(each))].mean() for _ in range(1_000)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        name: round(float(each.mean()), 4),
        f"{name}_low": round(float(low), 4),
        f"{name}_high": round(float(high), 4),
    }


def share(of: ArrayLike) -> float:
    each = np.asarray(of, dtype=float)
    return round(float(each.mean()), 4) if len(each) else 0.0
