"""What the words of two listings say for and against one product: numbers with names.

Dimensions: N pairs, F columns of evidence, W words. Pure; knows no files and no network. Each
column is the same for (a, b) and (b, a). NaN means that a side does not tell, which is neither for
nor against. ``Evidence.fit`` learns how rare words are from listings without any label.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, log

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from training.duplicates.listing import Listing
from training.duplicates.pairs import Pairs

Doubles = NDArray[np.float64]

NAMES = (
    "title_cosine", "text_cosine", "title_trigrams", "shared_rarity", "least_told", "most_told",
    "own_rarity", "own_rarity_both", "rarest_shared",
    "token_set", "token_sort", "partial", "first_word", "title_length", "length_gap",
    "codes_shared", "codes_conflict", "code_alike", "codes_told", "codes_in_text",
    "numbers_shared", "numbers_conflict", "numbers_apart", "numbers_told",
    "price_gap", "others_alike",
)  # fmt: skip
_MOST_COMPARED = 400  # characters for edit distances: their time grows with the square


@dataclass(frozen=True)
class Evidence:
    """How rare each word is among the listings; unknown words are the rarest."""

    rarity: dict[str, float]
    rarest: float

    @classmethod
    def fit(cls, listings: Sequence[Listing]) -> "Evidence":
        """Inverse document frequency of words and of trigrams of titles."""
        counts = Counter(word for listing in listings for word in set(listing.words))
        total = len(listings)
        return cls(
            {word: log((1 + total) / (1 + count)) for word, count in sorted(counts.items())},
            log(1 + total),
        )

    def columns(self, pairs: Pairs) -> Doubles:
        """(N, F) in the order of ``NAMES``."""
        found = np.full((len(pairs), len(NAMES)), np.nan)
        for row, (a, b) in enumerate(zip(pairs.first, pairs.second, strict=True)):
            found[row] = self.of(a, b)
        return found

    def of(self, a: Listing, b: Listing) -> list[float]:
        """The F columns of one pair."""
        return [
            *self._words(a, b),
            *_strings(a, b),
            *_codes(a, b),
            *_numbers(a, b),
            _price_gap(a, b),
            _others_alike(a, b),
        ]

    def weight(self, words: Iterable[str]) -> float:
        """Summed rarity, to the last bit the same in whatever order a set gives its words."""
        return fsum(self.rarity.get(word, self.rarest) for word in words)

    def _words(self, a: Listing, b: Listing) -> list[float]:
        one, two = set(a.title_words), set(b.title_words)
        shared = one & two
        weights = sorted((self.weight(one), self.weight(two)))
        own = sorted(
            (
                self.weight([w for w in one - two if w not in b.words]),
                self.weight([w for w in two - one if w not in a.words]),
            )
        )
        told = self.weight(shared)
        return [
            self._cosine(one, two),
            self._cosine(set(a.words), set(b.words)),
            _trigrams_alike(a.title, b.title),
            told,
            told / weights[1] if weights[1] else np.nan,
            told / weights[0] if weights[0] else np.nan,
            own[0],
            own[1],
            max((self.rarity.get(w, self.rarest) for w in shared), default=0.0),
        ]

    def _cosine(self, one: set[str], two: set[str]) -> float:
        def square(words: set[str]) -> float:
            return fsum(self.rarity.get(word, self.rarest) ** 2 for word in words)

        sizes = square(one) * square(two)
        return square(one & two) / sizes**0.5 if sizes else 0.0


def _strings(a: Listing, b: Listing) -> list[float]:
    one, two = sorted((a.title[:_MOST_COMPARED], b.title[:_MOST_COMPARED]))
    lengths = sorted((len(a.title_words), len(b.title_words)))
    starts = (a.title_words[:1], b.title_words[:1])
    return [
        fuzz.token_set_ratio(one, two) / 100,
        fuzz.token_sort_ratio(one, two) / 100,
        fuzz.partial_ratio(one, two) / 100,
        float(starts[0] == starts[1]),
        float(lengths[0]),
        float(lengths[1] - lengths[0]),
    ]


def _codes(a: Listing, b: Listing) -> list[float]:
    one, two = a.codes, b.codes
    if not one or not two:
        told = float(bool(one)) + float(bool(two))
        return [np.nan, np.nan, np.nan, told, _codes_in_text(a, b)]
    alike = max(_code_alike(x, y) for x in one for y in two)
    shared = len(one & two)
    return [float(shared), float(not shared), alike, 2.0, _codes_in_text(a, b)]


def _codes_in_text(a: Listing, b: Listing) -> float:
    """Codes of either side that the other side's letters and digits hold anywhere."""
    whole = ["".join(c for c in side.text if c.isalnum()) for side in (a, b)]
    return float(sum(c in whole[1] for c in a.codes) + sum(c in whole[0] for c in b.codes))


def _code_alike(one: str, two: str) -> float:
    """1 where equal, near 1 where one goes on where the other ends (a colour, a country)."""
    if one.startswith(two) or two.startswith(one):
        return 1.0 if one == two else 0.97
    return float(JaroWinkler.similarity(one, two)) * 0.95


def _numbers(a: Listing, b: Listing) -> list[float]:
    one, two = a.numbers, b.numbers
    if not one or not two:
        return [np.nan, np.nan, np.nan, float(bool(one)) + float(bool(two))]
    apart = sorted((len(one - two), len(two - one)))
    shared = len(one & two)
    return [float(shared), float(bool(apart[0])), float(sum(apart)), 2.0]


def _price_gap(a: Listing, b: Listing) -> float:
    return abs(log(a.price / b.price)) if a.price and b.price else np.nan


def _others_alike(a: Listing, b: Listing) -> float:
    """Mean agreement of what both tell in columns of the same name beside title and price."""
    theirs = dict(zip(b.columns[1:], b.values[1:], strict=True))
    found = [
        fuzz.token_set_ratio(*sorted((value[:_MOST_COMPARED], theirs[name][:_MOST_COMPARED]))) / 100
        for name, value in zip(a.columns[1:], a.values[1:], strict=True)
        if value and theirs.get(name) and "price" not in name.lower()
    ]
    return float(np.mean(found)) if found else np.nan


def _trigrams_alike(one: str, two: str) -> float:
    """Share of the smaller side's trigrams that both titles have, without white space."""
    grams = [
        {plain[at : at + 3] for at in range(len(plain) - 2)}
        for plain in ("".join(text.split())[:_MOST_COMPARED] for text in (one, two))
    ]
    least = min(map(len, grams))
    return len(grams[0] & grams[1]) / least if least else 0.0
