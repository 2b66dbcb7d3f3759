"""A query's misspelt words and the catalogue's words for them, with a confidence and a reason.

Dimensions: C candidates, F facts. The chance of each candidate, and of the word being right as it
is though the catalogue lacks it, is a softmax over a weighed sum of facts; the weights are learned
from the catalogue itself (``spelling_lesson.py``). Never changed: a word that the catalogue knows,
anything with a digit, and words of a script that the catalogue has no words of. Two words become
one, or one two, only where no letter changes. Pure; knows no files.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, takewhile

import numpy as np
from numpy.typing import NDArray

from training.query_help.vocabulary import LONGEST, Vocabulary
from training.query_help.words import Word, folded, placed_words, replaced, script_of

FACTS = ("stays", "log_count", "two_edits", "same_first", "same_letters", "other_ending",
         "longer", "shorter", "context", "share_edited", "never_met", "oddest_letters",
         "mean_letters", "stays_long", "in_language")  # fmt: skip
START = (0.0, 0.5, -3.0, 1.0, 1.0, -1.0, 0.0, 0.0, 1.0, -4.0, -0.5, 0.5, 0.0, 0.0, 3.0)
LEAST_LETTERS = 4  # shorter words have too many neighbours
TWO_EDITS_FROM = 6  # letters: two edits of five mended fewer of the lessons, at as few wrong
MOST_UNKNOWN = 8  # words of one query that are looked up; a query of more is no search
MOST_ROUNDS = 8  # of correcting: each makes known words more, so that few are ever needed
JOIN_FROM = 3  # titles with the joined word, or with the two parts beside each other
LEAST_PART = 3  # letters of each: in door is no indoor
LIKELIER = 0.5  # chance from which a query that finds nothing is changed
_SURE = 0.9  # of a joined or split word: no letter changes
# Letters with spaces between words: elsewhere one sign more or less is another word.
_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "GEORGIAN", "HEBREW"})

Doubles = NDArray[np.float64]
Count = Callable[[str], int]  # a query: how many items it finds


@dataclass(frozen=True)
class Change:
    """``written`` became ``meant``; ``confidence`` is the chance that this is what was meant."""

    written: str
    meant: str
    confidence: float
    reason: str


@dataclass(frozen=True)
class Correction:
    """``text`` is the query to search; it is the query as typed where nothing was changed."""

    query: str
    text: str
    changes: tuple[Change, ...] = ()

    @property
    def confidence(self) -> float:
        """The chance that every change is right; 1 without any."""
        return math.prod(change.confidence for change in self.changes)


@dataclass(frozen=True)
class Speller:
    """A vocabulary, the weights of the facts, and the least chance for a change."""

    vocabulary: Vocabulary
    weights: tuple[float, ...] = START
    least: float = 0.5
    may_change: frozenset[str] = field(default=_ALPHABETS, repr=False)


def correct(query: str, speller: Speller, *, count: Count | None = None) -> Correction:
    """The query with its misspelt words mended, where ``count`` says that this finds more.

    A query that finds nothing loses nothing: then a change need only be likelier than not.
    """
    found = None if count is None else count(query)
    least = min(speller.least, LIKELIER) if found == 0 else speller.least
    text, changes = _mended(folded(query), replace(speller, least=least))
    if not changes or (count is not None and found is not None and count(text) <= found):
        return Correction(query, query)
    return Correction(query, text, tuple(changes))


def is_correctable(word: str, speller: Speller) -> bool:
    """Whether a word may be changed at all."""
    known = speller.vocabulary
    if known.is_known(word) or not LEAST_LETTERS <= len(word) <= LONGEST or not word.isalpha():
        return False
    scripts = {script_of(letter) for letter in word}
    return scripts <= known.scripts & speller.may_change


def candidates(word: str, speller: Speller) -> list[tuple[str, int]]:
    """Known words near it with the number of edits."""
    return speller.vocabulary.near(word, 1 if len(word) < TWO_EDITS_FROM else 2)


def facts(
    word: str, near: Sequence[tuple[str, int]], others: Sequence[str], vocabulary: Vocabulary
) -> Doubles:
    """(C + 1, F): each candidate's facts, and last those of the word as it is.

    A word whose oddest three letters are usual in the catalogue, or that the language has, may well
    be right.
    """
    known = [other for other in others if vocabulary.is_known(other)]
    rows = [_facts(word, meant, edits, known, vocabulary) for meant, edits in near]
    usual = vocabulary.usual_letters(word)
    own = [min(usual), sum(usual) / len(usual), len(word) / 10, word in vocabulary.language]
    stays = [1.0, *[0.0] * (len(FACTS) - 1 - len(own)), *map(float, own)]
    return np.array([*rows, stays])


def chances(rows: Doubles, weights: Sequence[float] | Doubles) -> Doubles:
    """(C + 1,): softmax of the weighed facts."""
    scores = rows @ np.asarray(weights)
    raised: Doubles = np.exp(scores - scores.max())
    return np.asarray(raised / raised.sum())


def _mended(text: str, speller: Speller) -> tuple[str, list[Change]]:
    """One change after another, the surest first, until none is sure enough."""
    changes: list[Change] = []
    for _ in range(MOST_ROUNDS):
        step = _step(text, speller)
        if step is None:
            break
        text, change = step
        changes.append(change)
    return text, changes


def _step(text: str, speller: Speller) -> tuple[str, Change] | None:
    """The surest change of the query, or None."""
    words = placed_words(text)
    for two in pairwise(words):
        if joined := _joined(two, text, speller):
            return joined
    unknown = [word for word in words if is_correctable(word.text, speller)][:MOST_UNKNOWN]
    changed = [(word, _changed(word, words, speller)) for word in unknown]
    found = [(word, change) for word, change in changed if change]
    if not found:
        return None
    surest, chosen = max(found, key=lambda pair: pair[1].confidence)
    return replaced(text, surest, chosen.meant), chosen


def _changed(word: Word, words: Sequence[Word], speller: Speller) -> Change | None:
    split = _split(word.text, speller.vocabulary)
    if split and word.text not in speller.vocabulary.language:
        return Change(word.text, split, _SURE, "two words of the catalogue written as one")
    near = candidates(word.text, speller)
    if not near:
        return None
    others = [other.text for other in words if other is not word]
    found = chances(facts(word.text, near, others, speller.vocabulary), speller.weights)
    best = int(found[:-1].argmax())
    if found[best] < speller.least:
        return None
    meant, edits = near[best]
    slips = "one edit" if edits == 1 else f"{edits} edits"
    titles = speller.vocabulary.counts[meant]
    reason = f"{slips} from a word of {titles} titles; no title has {word.text!r}"
    return Change(word.text, meant, round(float(found[best]), 4), reason)


def _facts(
    word: str, meant: str, edits: int, others: Sequence[str], vocabulary: Vocabulary
) -> list[float]:
    pull = max((vocabulary.pull(meant, other) for other in others), default=0.0)
    shared = sum(1 for _ in takewhile(lambda two: two[0] == two[1], zip(word, meant, strict=False)))
    is_ending = shared >= max(3, min(len(word), len(meant)) - 1) and word[-1] != meant[-1]
    return [
        0.0,
        math.log(vocabulary.counts[meant]),
        float(edits == 2),
        float(word[0] == meant[0]),
        float(set(word) == set(meant)),
        float(is_ending),
        float(len(meant) > len(word)),
        float(len(meant) < len(word)),
        pull,
        edits / len(word),
        float(bool(others) and pull <= 0),
        *[0.0] * 4,
    ]


def _joined(two: tuple[Word, Word], text: str, speller: Speller) -> tuple[str, Change] | None:
    """``lap top``: a word of the catalogue with a space in it, and never two words there."""
    first, second = two
    whole, vocabulary = first.text + second.text, speller.vocabulary
    is_apart = text[first.end : second.start] == " " and whole.isalpha()
    if not is_apart or min(len(first.text), len(second.text)) < LEAST_PART:
        return None
    pair = f"{first.text} {second.text}"
    if vocabulary.counts.get(whole, 0) < JOIN_FROM or pair in vocabulary.pairs:
        return None
    titles = vocabulary.counts[whole]
    change = Change(pair, whole, _SURE, f"one word in {titles} titles, never two")
    return text[: first.start] + whole + text[second.end :], change


def _split(word: str, vocabulary: Vocabulary) -> str | None:
    """``usbcable``: two known words that stand beside each other in titles."""
    ways = [f"{word[:at]} {word[at:]}" for at in range(3, len(word) - 2)]
    best = max(ways, key=lambda way: vocabulary.pairs.get(way, 0), default="")
    return best if vocabulary.pairs.get(best, 0) >= JOIN_FROM else None
