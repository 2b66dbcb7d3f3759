"""Teach a speller from its own catalogue: words misspelt on purpose, and words withheld from it.

Dimensions: N lessons, C candidates, F facts. A withheld word is right though the speller does not
know it, as are the words of new items; it must stay. The weights are those of a conditional logit
(maximum likelihood), and the least chance for a change is the smallest that changes at most
``MOST_WRONG`` of withheld words of a second draw. Same seed, same weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from training.query_help.spelling import (
    LEAST_LETTERS,
    START,
    Doubles,
    Speller,
    candidates,
    chances,
    facts,
)
from training.query_help.vocabulary import LONGEST, TARGET_FROM, Vocabulary
from training.query_help.words import words_of

LESSONS = 2_000  # of each kind; twice as many move no weight by more than its spread
TWO_EDITS = 0.2  # share of misspellings with a second slip (Damerau 1964: four in five have one)
MOST_WRONG = 0.01  # share of unknown right words that may be changed; twice that mends 4 % more
STEADY = 0.01  # ridge: facts that never differ keep their first weight
_CONTEXT = 3  # words beside it that a query has at most


@dataclass(frozen=True)
class Lesson:
    """(C + 1, F) facts, and the row that is right."""

    rows: Doubles
    right: int


def teach(vocabulary: Vocabulary, titles: Sequence[str], *, seed: int) -> Speller:
    """A speller for this catalogue; without enough words to learn from, the first weights."""
    speller = Speller(vocabulary)
    draw = np.random.default_rng(seed)
    lessons = list(_lessons(speller, titles, draw))
    if len(lessons) < len(START) * 10:  # ten lessons a weight, or the start is the better guess
        return replace(speller, least=0.9)
    weights = _fitted(lessons)
    judged = list(_lessons(speller, titles, draw))
    return replace(speller, weights=weights, least=_least(judged, weights))


def _lessons(
    speller: Speller, titles: Sequence[str], draw: np.random.Generator
) -> Iterator[Lesson]:
    for at in range(2 * LESSONS if titles else 0):
        words = words_of(titles[int(draw.integers(len(titles)))])[:40]
        usable = [place for place, word in enumerate(words) if _is_usable(word, speller.vocabulary)]
        if not usable:
            continue
        place = usable[int(draw.integers(len(usable)))]
        word = words[place]
        others = _others(words, place, draw)
        lesson = (
            _misspelt(word, others, speller, draw) if at % 2 else _withheld(word, others, speller)
        )
        if lesson is not None:
            yield lesson


def _is_usable(word: str, vocabulary: Vocabulary) -> bool:
    is_word = word.isalpha() and LEAST_LETTERS <= len(word) <= LONGEST
    return is_word and vocabulary.counts.get(word, 0) >= TARGET_FROM


def _others(words: list[str], place: int, draw: np.random.Generator) -> list[str]:
    rest = words[:place] + words[place + 1 :]
    count = int(draw.integers(_CONTEXT + 1))
    return draw.permutation(rest)[:count].tolist() if rest else []


def _misspelt(
    word: str, others: list[str], speller: Speller, draw: np.random.Generator
) -> Lesson | None:
    typed = _slip(word, draw)
    if draw.random() < TWO_EDITS:
        typed = _slip(typed, draw)
    if len(typed) < LEAST_LETTERS or speller.vocabulary.is_known(typed):
        return None
    near = candidates(typed, speller)
    rows = facts(typed, near, others, speller.vocabulary)
    meant = [place for place, (one, _) in enumerate(near) if one == word]
    return Lesson(rows, meant[0] if meant else len(near))


def _withheld(word: str, others: list[str], speller: Speller) -> Lesson:
    near = candidates(word, speller)
    return Lesson(facts(word, near, others, speller.vocabulary), len(near))


def _slip(word: str, draw: np.random.Generator) -> str:
    """One letter left out, put in, changed or swapped with the next, all alike."""
    at, kind = int(draw.integers(len(word))), int(draw.integers(4))
    other = chr(ord("a") + int(draw.integers(26)))
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + other + word[at:]
    if kind == 2:
        return word[:at] + other + word[at + 1 :]
    return word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]


def _fitted(lessons: Sequence[Lesson]) -> tuple[float, ...]:
    start = np.array(START)

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        total, slope = 0.0, np.zeros(len(start))
        for lesson in lessons:
            chance = chances(lesson.rows, weights)
            total -= float(np.log(max(chance[lesson.right], 1e-12)))
            slope += chance @ lesson.rows - lesson.rows[lesson.right]
        away = weights - start
        mean = 1 / len(lessons)
        return total * mean + STEADY * float(away @ away) / 2, slope * mean + STEADY * away

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return tuple(round(float(weight), 4) for weight in found.x)


def _least(lessons: Sequence[Lesson], weights: tuple[float, ...]) -> float:
    """The smallest chance above those of all but a few withheld words' best candidates."""
    wrong = sorted(
        float(chances(one.rows, weights)[:-1].max(initial=0.0))
        for one in lessons
        if _is_withheld(one)
    )
    if not wrong:
        return 0.9
    place = min(int(np.ceil(len(wrong) * (1 - MOST_WRONG))), len(wrong) - 1)
    return round(min(max(wrong[place], 0.5) + 1e-4, 0.99), 4)


def _is_withheld(lesson: Lesson) -> bool:
    return lesson.right == len(lesson.rows) - 1
