"""The words of a catalogue with their counts, and its words a few edits away from any other.

Dimensions: W words that others may be corrected to. A word's signature has a bit for each letter in
it; one edit changes at most two of the bits, so that one pass over W numbers leaves the few words
worth a real comparison. It needs 8 bytes a word, where a table of deletions needs thousands.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from training.query_help.words import script_of, words_of

NEAR = 3  # words to the right that count as near: "usb c cable" has usb and cable
TARGET_FROM = 2  # titles with a word before others become it: a misspelling stands once
LONGEST = 30  # letters of a word that is compared; longer ones are no words
MOST_PAIRS = 200_000  # kept, the most frequent: about 4 MB of JSON
_WORD_BEGINS = ("▁", "Ġ")  # of SentencePiece and of BPE over bytes
MOST_TITLE_WORDS = 60  # read of a title; longer ones are stuffed


@dataclass(frozen=True)
class Vocabulary:
    """``counts``: titles with a word. ``pairs``: titles with two words near, in this order.

    ``language`` has words of the language at large, which may be right though no title has them.
    """

    counts: Mapping[str, int]
    pairs: Mapping[str, int] = field(default_factory=dict)
    language: frozenset[str] = frozenset()

    def is_known(self, word: str) -> bool:
        """Whether any title has it."""
        return word in self.counts

    def together(self, one: str, other: str) -> int:
        """Titles in which the two stand near each other, in either order."""
        return self.pairs.get(f"{one} {other}", 0) + self.pairs.get(f"{other} {one}", 0)

    def pull(self, one: str, other: str) -> float:
        """Log of how much more often the two are near than strewn words would be; 0 if never."""
        met = self.together(one, other)
        chance = self.counts[one] * self.counts[other] / self._most
        return math.log((met + 0.5) / (chance + 0.5)) if met else 0.0

    @cached_property
    def _most(self) -> int:
        """Titles with the most frequent word: about how many titles there are."""
        return max(self.counts.values(), default=1)

    @cached_property
    def scripts(self) -> frozenset[str]:
        """The scripts that the catalogue's words are written in."""
        letters = {letter for word in self.counts for letter in word if letter.isalpha()}
        return frozenset(script_of(letter) for letter in letters)

    def usual_letters(self, word: str) -> list[float]:
        """Of each run of three letters, framed, the log of how many other words have it."""
        own = int(word in self.counts) - 1
        return [math.log(max(self._runs.get(run, 0) - own, 1)) for run in _runs_of(word)]

    @cached_property
    def _runs(self) -> Mapping[str, int]:
        return Counter(run for word in self.counts for run in _runs_of(word))

    @cached_property
    def _targets(self) -> list[str]:
        kept = (w for w, n in self.counts.items() if n >= TARGET_FROM and w.isalpha())
        return sorted((w for w in kept if 3 <= len(w) <= LONGEST), key=lambda w: (len(w), w))

    @cached_property
    def _signatures(self) -> NDArray[np.uint64]:
        """(W,): which letters a word has, letters beyond 64 sharing bits."""
        return np.array([_signature(word) for word in self._targets], dtype=np.uint64)

    @cached_property
    def _starts(self) -> dict[int, int]:
        """Of each length the place of its first word."""
        starts: dict[int, int] = {}
        place = 0
        for length, group in groupby(self._targets, key=len):
            starts[length] = place
            place += sum(1 for _ in group)
        return {n: starts.get(n, self._next(starts, n, place)) for n in range(LONGEST + 4)}

    @staticmethod
    def _next(starts: Mapping[int, int], length: int, total: int) -> int:
        return min((at for n, at in starts.items() if n > length), default=total)

    def near(self, word: str, most: int) -> list[tuple[str, int]]:
        """Words at most ``most`` edits away (a swap of neighbours is one), with how many."""
        if len(word) > LONGEST:
            return []
        low = self._starts[max(len(word) - most, 0)]
        high = self._starts[min(len(word) + most + 1, LONGEST + 3)]
        unlike = self._signatures[low:high] ^ np.uint64(_signature(word))
        places = np.flatnonzero(np.bitwise_count(unlike) <= 2 * most) + low
        words = [self._targets[place] for place in places.tolist()]
        found = extract(word, words, scorer=OSA.distance, score_cutoff=most, limit=None)
        return [(str(one), int(edits)) for one, edits, _ in found if one != word]


def language_words(tokens: Iterable[str]) -> frozenset[str]:
    """The whole words among an encoder's tokens: usual words of the languages it was made for.

    WordPiece marks what goes on within a word (``##ing``); Unigram and BPE mark what begins one
    (``▁lamp``, ``Ġlamp``), and what has no mark there is a part of a word.
    """
    known = list(tokens)
    has_pieces = any(token.startswith("##") for token in known)
    marks = () if has_pieces else _WORD_BEGINS
    mark = next((one for one in marks if any(token.startswith(one) for token in known)), "")
    begun = (token.removeprefix(mark).casefold() for token in known if token.startswith(mark))
    words = (word for word in begun if word.isalpha() and len(word) > 2)
    return frozenset(word for word in words if mark != "Ġ" or word.isascii())  # others are bytes


def learn_vocabulary(titles: Iterable[str], language: Iterable[str] = ()) -> Vocabulary:
    """Count the words of titles and the pairs of words near each other, each once a title."""
    counts: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for title in titles:
        words = words_of(title)[:MOST_TITLE_WORDS]
        counts.update(set(words))
        pairs.update(
            {
                f"{one} {two}"
                for at, one in enumerate(words)
                for two in words[at + 1 : at + 1 + NEAR]
            }
        )
    kept = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_PAIRS]
    often = {pair: n for pair, n in sorted(kept) if n >= TARGET_FROM}
    return Vocabulary(dict(sorted(counts.items())), often, frozenset(language))


def _runs_of(word: str) -> set[str]:
    framed = f"^{word}$"
    return {framed[at : at + 3] for at in range(len(framed) - 2)}


def _signature(word: str) -> int:
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) % 64)
    return bits
