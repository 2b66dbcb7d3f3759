"""What a shopper may be typing: queries others asked and phrases of the catalogue. Pure.

Dimensions: P phrases, sorted, so that those with a beginning stand side by side. Where few phrases
begin with the whole, its last words are completed alone; where none does, a slip in the last word
is forgiven from the fourth letter on. What may be offered at all is decided when phrases are
learned (``completion_lesson.py``): no query that fewer people asked than ``MIN_USERS`` is in here.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.query_help.words import words_of

Source = Literal["query", "catalogue"]

FORGIVEN_FROM = 4  # letters of the last word before a slip in it is forgiven
MOST = 10  # completions that are offered
_AFTER = "\U0010ffff"  # sorts behind every phrase with the same beginning
_MOST_WORDS = 8  # of what is typed; a longer text is not being completed


@dataclass(frozen=True)
class Completion:
    """A whole query; ``is_forgiving`` where it does not begin with what was typed."""

    text: str
    source: Source
    is_forgiving: bool = False


@dataclass(frozen=True)
class Completions:
    """P phrases in order, what each is worth, and which were queries."""

    phrases: Sequence[str] = ()
    weights: Sequence[float] = ()
    asked: frozenset[str] = frozenset()

    def complete(self, typed: str, k: int = MOST) -> list[Completion]:
        """At most ``k`` completions in small letters, the likeliest first.

        Words are compared: what is typed is read as its words with one space between.
        """
        beginning = beginning_of(typed)
        if not beginning or len(beginning.split()) > _MOST_WORDS:
            return []
        found = self._of(beginning, k)
        if len(found) < k:
            known = {one.text for one in found}
            found += [one for one in self._of_tail(beginning, k) if one.text not in known]
        return found[:k] or self._forgiven(beginning, k)

    def _of(self, beginning: str, k: int, *, before: str = "") -> list[Completion]:
        best = self._best(*self._span(beginning), k)
        return [self._completion(f"{before}{text}", text) for text in best]

    def _of_tail(self, beginning: str, k: int) -> list[Completion]:
        """The last words, the longest run that some phrase begins with; the others stay."""
        words = beginning.split(" ")
        for at in range(1, len(words)):
            before, tail = " ".join(words[:at]) + " ", " ".join(words[at:])
            if tail and (found := self._of(tail, k, before=before)):
                return found
        return []

    def _forgiven(self, beginning: str, k: int) -> list[Completion]:
        """Phrases that begin as the typed text does after one edit of its last word."""
        head, space, last = beginning.rpartition(" ")
        if len(last) < FORGIVEN_FROM:
            return []
        spans = {self._span(f"{head}{space}{one}") for one in _edits(last, self._letters)}
        best: list[tuple[float, str]] = []
        for low, high in spans:
            best += [(-self._worth[self._place(p)], p) for p in self._best(low, high, k)]
        texts = dict.fromkeys(text for _, text in sorted(best))
        return [self._completion(text, text, is_forgiving=True) for text in list(texts)[:k]]

    def _completion(self, text: str, phrase: str, *, is_forgiving: bool = False) -> Completion:
        source: Source = "query" if phrase in self.asked else "catalogue"
        return Completion(text, source, is_forgiving)

    def _span(self, beginning: str) -> tuple[int, int]:
        low = bisect_left(self.phrases, beginning)
        return low, bisect_left(self.phrases, beginning + _AFTER, lo=low)

    def _place(self, phrase: str) -> int:
        return bisect_left(self.phrases, phrase)

    def _best(self, low: int, high: int, k: int) -> list[str]:
        """The ``k`` phrases of most worth in a run of them."""
        worth = self._worth[low:high]
        if len(worth) > k:
            cut = np.partition(worth, len(worth) - k)[len(worth) - k]
            places = np.flatnonzero(worth >= cut)
            places = places[np.argsort(-worth[places], kind="stable")][:k]
        else:
            places = np.argsort(-worth, kind="stable")
        return [self.phrases[low + place] for place in places.tolist()]

    @cached_property
    def _worth(self) -> NDArray[np.float32]:
        """(P,)"""
        return np.asarray(self.weights, dtype=np.float32)

    @cached_property
    def _letters(self) -> str:
        """The letters of words, the most frequent first; slips to rare signs are not tried."""
        some = "".join(self.phrases[:: max(len(self.phrases) // 5_000, 1)])
        signs, counts = np.unique(np.array(list(some) or ["a"]), return_counts=True)
        ranked = signs[np.argsort(-counts, kind="stable")].tolist()
        return "".join(sign for sign in ranked if sign.isalpha())[:40]


def beginning_of(typed: str) -> str:
    """The words typed, with a space at the end where the last one is ended by a space."""
    text = " ".join(words_of(typed))
    is_ended = bool(text) and bool(typed) and typed[-1].isspace()
    return f"{text} " if is_ended else text


def _edits(word: str, letters: str) -> Iterator[str]:
    """The word after one edit that leaves its first letter."""
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]
        if at + 1 < len(word):
            yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        for letter in letters:
            yield word[:at] + letter + word[at + 1 :]
            yield word[:at] + letter + word[at:]
