"""A query that finds too little: a ladder of changes, each told, until one finds enough. Pure.

As asked; spelling corrected; one word replaced by its synonym; the least informative words dropped
one by one; filters dropped one by one, the tightest first; what is popular in the category. Words
that were dropped come back before a filter goes. The answer names the filters that still hold, and
every item in it came from a search with exactly these.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from training.query_help.filters import CATEGORY, Asked, Filter
from training.query_help.spelling import Speller, correct
from training.query_help.synonyms import Synonyms
from training.query_help.vocabulary import Vocabulary
from training.query_help.words import folded, phrases_of, placed_words, replaced, words_of

Search = Callable[[str, tuple[Filter, ...], int], Sequence[str]]  # text, filters, how many
Popular = Callable[[str, int], Sequence[str]]  # category, or empty for the shop; how many
Rung = Literal["spelling", "synonyms", "fewer words", "fewer filters", "popular"]

ENOUGH = 3  # items from which a list is worth showing
MOST_SYNONYMS = 5  # that are tried
MOST_WORDS = 8  # dropped one by one; a query that long is found by its rarest words or not at all


@dataclass(frozen=True)
class Step:
    """What was changed, for a person to read."""

    rung: Rung
    told: str


@dataclass(frozen=True)
class Rescued:
    """Items and how they were found: by ``text`` under ``filters``, after ``steps``."""

    items: tuple[str, ...]
    text: str
    filters: tuple[Filter, ...]
    steps: tuple[Step, ...] = ()
    is_enough: bool = True


@dataclass(frozen=True)
class Ladder:
    """What a shop knows that may help."""

    speller: Speller
    synonyms: Synonyms
    search: Search
    popular: Popular | None = None


@dataclass(frozen=True)
class _Attempt:
    text: str
    filters: tuple[Filter, ...]
    steps: tuple[Step, ...] = ()


def rescue(asked: Asked, ladder: Ladder, *, k: int, enough: int = ENOUGH) -> Rescued:
    """The first list with enough items; else the longest, and what is popular if all are empty."""
    best = Rescued((), asked.text, asked.filters, is_enough=False)
    for attempt in _attempts(asked, ladder, k):
        items = tuple(ladder.search(attempt.text, attempt.filters, k))
        found = Rescued(
            items, attempt.text, attempt.filters, attempt.steps, is_enough=len(items) >= enough
        )
        if found.is_enough:
            return found
        if len(items) > len(best.items):
            best = found
    return best if best.items or ladder.popular is None else _popular(asked, ladder.popular, k)


def _attempts(asked: Asked, ladder: Ladder, k: int) -> Iterator[_Attempt]:
    first = _Attempt(asked.text, asked.filters)
    yield first
    base = _corrected(first, ladder, k)
    if base.steps:
        yield base
    yield from _with_synonyms(base, ladder.synonyms)
    yield from _fewer_words(base, ladder.speller.vocabulary)
    yield from _fewer_filters(base, ladder, k)


def _corrected(attempt: _Attempt, ladder: Ladder, k: int) -> _Attempt:
    def count(text: str) -> int:
        return len(ladder.search(text, attempt.filters, k))

    found = correct(attempt.text, ladder.speller, count=count)
    steps = [
        Step("spelling", f"{change.written} was read as {change.meant}") for change in found.changes
    ]
    return replace(attempt, text=found.text, steps=(*attempt.steps, *steps))


def _with_synonyms(attempt: _Attempt, synonyms: Synonyms) -> Iterator[_Attempt]:
    words = words_of(attempt.text)
    ways = [
        (-pair.sessions, at, pair)
        for at, phrase in phrases_of(words, 2)
        for pair in synonyms.of(phrase)
    ]
    for _, at, pair in sorted(ways, key=lambda way: way[:2])[:MOST_SYNONYMS]:
        rest = words[at + len(pair.word.split()) :]
        text = " ".join([*words[:at], pair.means, *rest])
        step = Step("synonyms", f"{pair.means} was searched for {pair.word}")
        yield replace(attempt, text=text, steps=(*attempt.steps, step))


def _fewer_words(attempt: _Attempt, vocabulary: Vocabulary) -> Iterator[_Attempt]:
    """Words that no title has say nothing here; of the others the most frequent say least."""
    text, steps = folded(attempt.text), attempt.steps
    for _ in range(MOST_WORDS):
        words = placed_words(text)
        if len(words) < 2:
            return
        least = min(words, key=lambda word: (-_frequency(word.text, vocabulary), word.start))
        text = replaced(text, least, "")
        steps = (*steps, Step("fewer words", f"{least.text} was left out"))
        yield replace(attempt, text=text, steps=steps)


def _frequency(word: str, vocabulary: Vocabulary) -> float:
    return vocabulary.counts.get(word, float("inf"))


def _fewer_filters(attempt: _Attempt, ladder: Ladder, k: int) -> Iterator[_Attempt]:
    """The filter that alone leaves the fewest items goes first."""
    alone = {one: len(ladder.search(attempt.text, (one,), k)) for one in attempt.filters}
    filters, steps = list(attempt.filters), attempt.steps
    known = [word for word in words_of(attempt.text) if ladder.speller.vocabulary.is_known(word)]
    for tightest in sorted(attempt.filters, key=lambda one: alone[one]):
        filters.remove(tightest)
        steps = (*steps, Step("fewer filters", f"{spoken(tightest)} was not asked for"))
        yield replace(attempt, filters=tuple(filters), steps=steps)
        if known and len(known) < len(words_of(attempt.text)):
            step = Step("fewer words", "words that nothing here has were left out")
            yield _Attempt(" ".join(known), tuple(filters), (*steps, step))


def _popular(asked: Asked, popular: Popular, k: int) -> Rescued:
    """No filter is said to hold here, for a list of popular items was searched with none."""
    named = [one for one in (*asked.filters, *asked.preferences) if one.field == CATEGORY]
    category = str(named[0].value) if named else ""
    step = Step("popular", f"popular in {category}" if category else "popular in the shop")
    items = tuple(popular(category, k))
    return Rescued(items, "", (), (step,), is_enough=False)


def spoken(one: Filter) -> str:
    """A filter as its words in the query, or as a formula."""
    return one.words or f"{one.field} {one.op} {one.value} {one.unit}".strip()
