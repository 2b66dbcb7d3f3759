"""Words that shoppers use for one another, mined from sessions, each with its evidence. Pure.

Two ways. *Typed instead*: a search without a click, then within minutes one with, that differs in
one word or pair of words. *Same clicks*: what is clicked after the two words is the same. Both want
sessions enough, a log-likelihood ratio beyond chance, and the guards of :func:`_is_refused`: words
asked for together, words that stand near each other in titles (heat shrink), two values of one
attribute (brands, colours, sizes), numbers, other spellings of one word, and words whose clicks
differ are never synonyms. Dimensions: S sessions.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations, pairwise

from rapidfuzz.distance import OSA

from training.query_help.synonyms import SearchRow, Synonym, Synonyms
from training.query_help.vocabulary import Vocabulary
from training.query_help.words import words_of

MIN_SESSIONS = 5  # that speak for a pair; fewer may be one household
MIN_ITEMS = 6  # clicked after both words, for clicks alone to speak; fewer are one product's kin
LIKELIHOOD = 10.83  # chi-squared at one in a thousand, one degree of freedom
SOON = timedelta(minutes=10)  # from the search without a click to the next
TOGETHER = 0.02  # share of the rarer word's queries, or titles, that may name both
SHARE_FROM, SHARE_BACK = 0.5, 0.3  # of a word's clicks on items of the other, and the way back
_MOST_WORDS = 2  # of a phrase that stands for another
_MOST_PER_ITEM = 50  # words of one item that are compared, the most frequent


@dataclass(frozen=True)
class _Known:
    """What the catalogue says against a pair."""

    classes: Mapping[str, str]
    vocabulary: Vocabulary


@dataclass
class _Log:
    """Sessions by what was typed, clicks by word; filled once."""

    sessions: int = 0
    queries: Counter[str] = field(default_factory=Counter)  # of a word: its queries
    both: Counter[tuple[str, str]] = field(default_factory=Counter)  # queries with two words
    clicks: dict[str, dict[str, set[str]]] = field(default_factory=dict)  # word, item: sessions
    clicked: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    left: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    instead: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))


def mine_synonyms(
    rows: Iterable[SearchRow], classes: Mapping[str, str], vocabulary: Vocabulary
) -> Synonyms:
    """``classes``: of a brand, colour or size in small letters the attribute that it is one of."""
    log, known = _read(rows), _Known(classes, vocabulary)
    found = {(pair.word, pair.means): pair for pair in _same_clicks(log, known)}
    found |= {(pair.word, pair.means): pair for pair in _typed_instead(log, known)}
    order = sorted(found.values(), key=lambda p: (p.word, -p.sessions, -p.likelihood, p.means))
    return Synonyms(tuple(order))


def log_likelihood(both: int, one: int, other: int, total: int) -> float:
    """Dunning's ratio for two events; 0 where they meet less often than by chance."""
    if total <= 0 or both * total <= one * other:
        return 0.0
    seen = (both, one - both, other - both, total - one - other + both)
    rows, columns = (one, total - one), (other, total - other)
    chance = [rows[i] * columns[j] / total for i in (0, 1) for j in (0, 1)]
    expected = (chance[0], chance[1], chance[2], chance[3])
    return 2 * sum(n * math.log(n / e) for n, e in zip(seen, expected, strict=True) if n > 0 < e)


def _read(rows: Iterable[SearchRow]) -> _Log:
    log, by_session = _Log(), defaultdict(list)
    for row in rows:
        by_session[row.session_id].append(row)
    log.sessions = len(by_session)
    for session, searches in by_session.items():
        searches.sort(key=lambda row: (row.at, row.query))
        for row in searches:
            _count(row, log)
        for before, after in pairwise(searches):
            if not before.clicked and after.clicked and after.at - before.at <= SOON:
                for word, means in _difference(words_of(before.query), words_of(after.query)):
                    log.instead[word, means].add(session)
                    log.left[word].add(session)
    return log


def _count(row: SearchRow, log: _Log) -> None:
    words = words_of(row.query)
    phrases = sorted({*words, *(f"{one} {two}" for one, two in pairwise(words))})
    log.queries.update(phrases)
    log.both.update(combinations(sorted(set(words)), 2))
    for phrase in phrases if row.clicked else ():
        log.clicked[phrase].add(row.session_id)
        items = log.clicks.setdefault(phrase, {})
        for item in row.clicked:
            items.setdefault(item, set()).add(row.session_id)


def _difference(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    """What stands instead of what, where everything around it is the same."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    most = min(len(before), len(after)) - start
    while end < most and before[-1 - end] == after[-1 - end]:
        end += 1
    left, new = before[start : len(before) - end], after[start : len(after) - end]
    if 0 < len(left) <= _MOST_WORDS and 0 < len(new) <= _MOST_WORDS:
        yield " ".join(left), " ".join(new)


def _typed_instead(log: _Log, known: _Known) -> Iterator[Synonym]:
    for (word, means), sessions in log.instead.items():
        likelihood = log_likelihood(
            len(sessions), len(log.left[word]), len(log.clicked[means]), log.sessions
        )
        if len(sessions) < MIN_SESSIONS or likelihood < LIKELIHOOD:
            continue
        items, share, _ = _shared(word, means, log)
        is_judged = len(log.clicked.get(word, ())) >= MIN_SESSIONS
        is_other = share < SHARE_FROM if is_judged else means in known.classes
        if is_other:
            continue  # red, nothing clicked, then blue: another wish, not another word
        if not _is_refused(word, means, log, known):
            yield Synonym(word, means, "typed instead", len(sessions), items, round(likelihood, 2))


def _same_clicks(log: _Log, known: _Known) -> Iterator[Synonym]:
    total = len({item for items in log.clicks.values() for item in items})
    for one, other in sorted(_comparable(log)):
        if _is_refused(one, other, log, known):
            continue
        items, share, back = _shared(one, other, log)
        sizes = len(log.clicks[one]), len(log.clicks[other])
        likelihood = log_likelihood(items, *sizes, total)
        if items < MIN_ITEMS or likelihood < LIKELIHOOD:
            continue
        for word, means, there, home in ((one, other, share, back), (other, one, back, share)):
            if there >= SHARE_FROM and home >= SHARE_BACK:
                sessions = len(log.clicked[word])
                yield Synonym(word, means, "same clicks", sessions, items, round(likelihood, 2))


def _comparable(log: _Log) -> set[tuple[str, str]]:
    """Single words with sessions enough that share an item."""
    words = {
        word for word, sessions in log.clicked.items()
        if len(sessions) >= MIN_SESSIONS and " " not in word
    }  # fmt: skip
    by_item: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for word in words:
        for item, sessions in log.clicks[word].items():
            by_item[item].append((-len(sessions), word))
    return {
        (min(one, two), max(one, two))
        for found in by_item.values()
        for (_, one), (_, two) in combinations(sorted(found)[:_MOST_PER_ITEM], 2)
    }


def _shared(word: str, means: str, log: _Log) -> tuple[int, float, float]:
    """Items clicked after both words, and of each word's clicks the share on them."""
    one, other = log.clicks.get(word, {}), log.clicks.get(means, {})
    common = one.keys() & other.keys()
    return len(common), _share(one, common), _share(other, common)


def _share(clicks: Mapping[str, set[str]], common: set[str]) -> float:
    total = sum(map(len, clicks.values()))
    return sum(len(clicks[item]) for item in common) / total if total else 0.0


def _is_refused(word: str, means: str, log: _Log, known: _Known) -> bool:
    """Guards against pairs that meet by need, not by meaning."""
    if any(letter.isdigit() for letter in word + means):
        return True
    if word in known.classes and known.classes[word] == known.classes.get(means):
        return True
    rarer = min(log.queries[word], log.queries[means])
    if _queries_with(word.split(), means.split(), log) > TOGETHER * rarer:
        return True
    return _are_beside(word, means, known.vocabulary) or _is_same_word(
        word.replace(" ", ""), means.replace(" ", "")
    )


def _are_beside(word: str, means: str, vocabulary: Vocabulary) -> bool:
    """Whether titles name both, near each other."""
    counts = [vocabulary.counts.get(one, 0) for one in (word, means)]
    return vocabulary.together(word, means) > TOGETHER * min(counts)


def _queries_with(word: Sequence[str], means: Sequence[str], log: _Log) -> int:
    pairs = [(min(a, b), max(a, b)) for a in word for b in means if a != b]
    return min((log.both[pair] for pair in pairs), default=0)


def _is_same_word(one: str, other: str) -> bool:
    """A misspelling, a plural, a space: spelling's business, or the index's."""
    shorter = min(len(one), len(other))
    return OSA.distance(one, other) <= (1 if shorter < 6 else 2)
