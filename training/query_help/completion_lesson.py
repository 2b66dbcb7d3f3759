"""Which queries and catalogue phrases may be offered while someone types, and what each is worth.

Private by rule: a query is offered only when ``MIN_USERS`` different known users asked it and no
pattern of personal data is in it; a catalogue's phrase is held to the same patterns. Pure.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from training.personal_data.patterns import find_patterns
from training.query_help.completion import Completions
from training.query_help.synonyms import SearchRow
from training.query_help.words import phrases_of, words_of

MIN_USERS = 5  # who asked a query, before it is shown to another
MIN_TITLES = 3  # with a phrase, before it is one
LONGEST = 4  # words of a catalogue's phrase
MOST_PHRASES = 200_000  # kept, those of most worth
HALF_LIFE_DAYS = 30  # after which an asking counts half
ASKED_WORTH = 20.0  # titles that one asker outweighs: people's words before listings' words
_NO_END = frozenset({"a", "an", "and", "by", "for", "from", "in", "of", "on", "or", "the", "to",
                     "with", "x"})  # fmt: skip
_DIGITS = 6  # in a phrase from which it may be a number of a person

IsPersonal = Callable[[str], bool]


def is_personal(text: str) -> bool:
    """Whether a pattern finds personal data of any kind; a tagger may be given instead.

    Also in capitals, which streets and titles are known by and nobody types in a search.
    """
    return bool(find_patterns(text) or find_patterns(text.title()))


def learn_completions(
    titles: Iterable[str],
    rows: Iterable[SearchRow] = (),
    *,
    names: Sequence[str] = (),
    as_of: datetime | None = None,
    personal: IsPersonal = is_personal,
) -> Completions:
    """``names`` (brands, categories) are phrases whatever their count; ``as_of`` ages queries."""
    worth = _catalogue_phrases(titles, names)
    worth = {text: n for text, n in worth.items() if not _is_numbered(text) or not personal(text)}
    asked = _queries(rows, as_of, personal)
    for text, weight in asked.items():
        worth[text] = worth.get(text, 0.0) + ASKED_WORTH * weight
    best = sorted(worth.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_PHRASES]
    kept = dict(sorted(best))
    return Completions(
        phrases=tuple(kept),
        weights=tuple(round(weight, 3) for weight in kept.values()),
        asked=frozenset(asked) & kept.keys(),
    )


def _queries(
    rows: Iterable[SearchRow], as_of: datetime | None, personal: IsPersonal
) -> dict[str, float]:
    """Of each query that may be shown its users, each weighed by how recently they asked it."""
    last: dict[str, dict[str, datetime]] = defaultdict(dict)
    forms: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        text = " ".join(words_of(row.query))
        if not text or not row.user_id or (as_of is not None and row.at >= as_of):
            continue  # nobody known asked it, or it was not yet asked
        forms[text].add(row.query)
        last[text][row.user_id] = max(row.at, last[text].get(row.user_id, row.at))
    now = as_of or max((at for users in last.values() for at in users.values()), default=None)
    return {
        text: sum(_recency(at, now) for at in users.values())
        for text, users in last.items()
        if now is not None
        and len(users) >= MIN_USERS
        and not any(personal(form) for form in forms[text])
    }


def _recency(at: datetime, now: datetime) -> float:
    days = max((now - at).total_seconds() / 86_400, 0.0)
    return math.pow(0.5, days / HALF_LIFE_DAYS)


def _catalogue_phrases(titles: Iterable[str], names: Sequence[str]) -> dict[str, float]:
    """Runs of words that several titles share, and the names whatever their count."""
    counts: Counter[str] = Counter()
    for title in titles:
        counts.update({phrase for _, phrase in phrases_of(words_of(title)[:40], LONGEST)})
    often = {text: float(n) for text, n in counts.items() if n >= MIN_TITLES and _is_phrase(text)}
    return often | {
        text: float(max(counts[text], 1)) for name in names if (text := " ".join(words_of(name)))
    }


def _is_phrase(text: str) -> bool:
    words = text.split(" ")
    has_word = any(letter.isalpha() for letter in text) and len(text) > 2
    return has_word and words[0] not in _NO_END and words[-1] not in _NO_END


def _is_numbered(text: str) -> bool:
    return sum(letter.isdigit() for letter in text) >= _DIGITS
