"""What a catalogue's own words say: which are known, which letters follow, what goes with what.

Dimensions: W left words, C right words, N listings. Learned from the listings given; pure.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import DamerauLevenshtein
from rapidfuzz.process import extract
from scipy.sparse import csr_matrix

from training.listing_quality.listing import Listing, has_digit, text_of, words_of

KNOWN_FROM = 2  # listings with a word before it is one: a misspelling stands once
COMMON_FROM = 5  # listings with a word before others are corrected to it
_LONGEST = 25  # letters of a word that is compared with others
_ORDER = 4  # letters of a chain: three say what may come fourth
_SMOOTHING = 1.0  # meetings added to what was seen and to what chance would give


@dataclass(frozen=True)
class Vocabulary:
    """``counts`` of listings by word in small letters; ``forms`` as most often written."""

    counts: dict[str, int]
    forms: dict[str, str]
    pairs: frozenset[str]  # two words that stand beside each other in known listings
    nearest: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def ordered(self) -> list[str]:
        return sorted(word for word, count in self.counts.items() if count >= KNOWN_FROM)

    @cached_property
    def common(self) -> list[str]:
        return sorted(
            word for word, count in self.counts.items()
            if count >= COMMON_FROM and len(word) >= 4 and word.isalpha()
        )  # fmt: skip

    def is_known(self, word: str) -> bool:
        return self.counts.get(word, 0) >= KNOWN_FROM

    def is_beginning(self, word: str) -> bool:
        """Whether a known word goes on from ``word``, which is none itself."""
        at = bisect_left(self.ordered, word)
        return (
            not self.is_known(word) and at < len(self.ordered) and self.ordered[at].startswith(word)
        )

    def alike(self, word: str) -> tuple[tuple[str, int], ...]:
        """Common words one slip away, or two for long ones, with how many; the best first."""
        if len(word) > _LONGEST:
            return ()
        if word not in self.nearest:
            most = 1 if len(word) < 9 else 2
            found = extract(
                word, self.common, scorer=DamerauLevenshtein.distance, score_cutoff=most, limit=3
            )
            self.nearest[word] = tuple((str(one), int(slips)) for one, slips, _ in found)
        return self.nearest[word]


@dataclass(frozen=True)
class Letters:
    """How usual a word's letters are: chains of four in the words of the catalogue."""

    chains: dict[str, int]
    heads: dict[str, int]

    def surprise(self, word: str) -> float:
        """The mean of minus log chance of each next letter; about 1 for words, 4 for noise."""
        framed = f"^^^{word}$"
        total = 0.0
        for at in range(len(framed) - _ORDER + 1):
            chain = framed[at : at + _ORDER]
            total -= math.log(
                (self.chains.get(chain, 0) + 0.1) / (self.heads.get(chain[:-1], 0) + 3)
            )
        return total / (len(framed) - _ORDER + 1)


@dataclass(frozen=True)
class Association:
    """How much more often a left and a right word meet than by chance, as positive logs."""

    left: dict[str, int]
    right: dict[str, int]
    strength: csr_matrix  # (W, C)

    def agreement(
        self, lefts: Sequence[Sequence[str]], rights: Sequence[Sequence[str]]
    ) -> NDArray[np.float32]:
        """(N, 2): the mean and the weakest agreement of a right word with its left words.

        NaN where either side has no known word.
        """
        begins = self.pull(lefts)
        found = np.full((len(lefts), 2), np.nan, dtype=np.float32)
        for row, words in enumerate(rights):
            places = [self.right[word] for word in words if word in self.right]
            if places and begins.indptr[row] < begins.indptr[row + 1]:
                span = slice(begins.indptr[row], begins.indptr[row + 1])
                known = dict(zip(begins.indices[span], begins.data[span], strict=True))
                pulls = [known.get(place, 0.0) for place in places]
                found[row] = float(np.mean(pulls)), min(pulls)
        return found

    def pull(self, lefts: Sequence[Sequence[str]]) -> csr_matrix:
        """(N, C): the mean strength of the known left words towards each right word."""
        matrix = _incidence(lefts, self.left)
        counts = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
        pulled = (matrix @ self.strength).tocsr()
        pulled.data /= np.repeat(counts, np.diff(pulled.indptr))
        return pulled


def learn_vocabulary(texts: Iterable[str]) -> Vocabulary:
    """Count words by listing; a shouted title does not say how a word is written."""
    counts: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    pairs: Counter[str] = Counter()
    for text in texts:
        words = words_of(text)
        folded = [word.casefold() for word in words]
        counts.update(set(folded))
        pairs.update({f"{a} {b}" for a, b in pairwise(folded)})
        if not text.isupper():
            for word, small in zip(words, folded, strict=True):
                written.setdefault(small, Counter())[word] += 1
    forms = {small: max(sorted(how), key=lambda one: how[one]) for small, how in written.items()}
    kept = frozenset(pair for pair, count in pairs.items() if count >= KNOWN_FROM)
    return Vocabulary(dict(counts), forms, kept)


def learn_letters(vocabulary: Vocabulary) -> Letters:
    """Chains of letters, each word weighed by the logarithm of its listings."""
    chains: Counter[str] = Counter()
    for word, count in vocabulary.counts.items():
        if count >= KNOWN_FROM and not has_digit(word):
            framed = f"^^^{word}$"
            weight = 1 + int(math.log2(count))
            for at in range(len(framed) - _ORDER + 1):
                chains[framed[at : at + _ORDER]] += weight
    heads: Counter[str] = Counter()
    for chain, count in chains.items():
        heads[chain[:-1]] += count
    return Letters(dict(chains), dict(heads))


def learn_association(
    lefts: Sequence[Sequence[str]], rights: Sequence[Sequence[str]]
) -> Association:
    """Positive log ratios of meeting to chance, for words that occur at least twice."""
    left, right = _places(lefts), _places(rights)
    a, b = _incidence(lefts, left), _incidence(rights, right)
    met = (a.T @ b).tocoo()
    count_a = np.asarray(a.sum(axis=0)).ravel()
    count_b = np.asarray(b.sum(axis=0)).ravel()
    chance = count_a[met.row] * count_b[met.col] / max(len(lefts), 1)
    strength = np.log((met.data + _SMOOTHING) / (chance + _SMOOTHING))
    kept = strength > 0
    matrix = csr_matrix(
        (strength[kept].astype(np.float32), (met.row[kept], met.col[kept])),
        shape=(len(left), len(right)),
    )
    return Association(left, right, matrix)


def title_words(listing: Listing) -> list[str]:
    """The title's words in small letters, without its brand's."""
    brand = {word.casefold() for word in words_of(text_of(listing.brand))}
    words = [word.casefold() for word in words_of(text_of(listing.title))]
    return [word for word in words if word not in brand]


def brand_words(listing: Listing) -> list[str]:
    """The title's and description's words, and the shapes of codes: ``CE285A`` is ``aa999a``."""
    described = [word.casefold() for word in words_of(text_of(listing.description))]
    words = [*title_words(listing), *described]
    shapes = [_shape(word) for word in words if has_digit(word) and len(word) > 3]
    return [*words, *shapes]


def _shape(word: str) -> str:
    return "".join("9" if c.isdigit() else "a" if c.isalpha() else c for c in word)


def _places(rows: Sequence[Sequence[str]]) -> dict[str, int]:
    counts = Counter(word for row in rows for word in set(row))
    kept = sorted(word for word, count in counts.items() if count >= KNOWN_FROM)
    return {word: place for place, word in enumerate(kept)}


def _incidence(rows: Sequence[Sequence[str]], places: dict[str, int]) -> csr_matrix:
    found = [sorted({places[word] for word in row if word in places}) for row in rows]
    ends = np.cumsum([0, *map(len, found)])
    columns = np.array([place for row in found for place in row], dtype=np.int64)
    ones = np.ones(len(columns), dtype=np.float32)
    return csr_matrix((ones, columns, ends), shape=(len(rows), len(places)))
