"""Synonyms mined from composed sessions over real titles in which some words were renamed.

A session seeks one item by two words of its title and clicks it. ``PLANTED`` words have a second
name that no title has; half of the shoppers type that. In half of these sessions nothing is clicked
and the first name is typed next; in the others the shop knows the second name and a click follows.
One session in five begins with another wish and no click: another of the best known brands or
colours in its place where the query names one, else a word of any title.
Precision: mined pairs that are planted, either way round (real synonyms of the catalogue count as
wrong); recall: planted words found. ``other_values``: pairs of two brands or two colours, of which
there must be none. Floor: every pair of words of which ``MIN_SESSIONS`` sessions typed one without,
then the other with a click; no test, no guard.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from training.query_help.filter_lesson import CatalogueItem, classes_of
from training.query_help.synonym_mining import MIN_SESSIONS, mine_synonyms
from training.query_help.synonyms import SearchRow
from training.query_help.vocabulary import learn_vocabulary
from training.query_help.words import words_of

PLANTED = 40
SESSIONS = 40_000
CHANGED_MINDS = 0.2  # of sessions begin with another wish
MOST_VALUES = 12  # brands and colours that minds change to: the ones with most titles
_START = datetime(2026, 1, 1, tzinfo=UTC)


def mined_synonyms(items: Sequence[CatalogueItem], draw: np.random.Generator) -> dict[str, Any]:
    """Precision and recall of planted synonyms."""
    classes, vocabulary = classes_of(items), learn_vocabulary([item.title for item in items])
    titles = [[w for w in words_of(item.title) if w.isalpha() and len(w) > 2] for item in items]
    counts = Counter(word for words in titles for word in set(words))
    usual = sorted(w for w, n in counts.items() if 40 <= n <= 2_000 and w not in classes)
    chosen = draw.permutation(usual)[:PLANTED].tolist()
    second = {word: f"{word[::-1]}o" for word in chosen}
    values = [word for word, _ in counts.most_common() if word in classes][:MOST_VALUES]
    rows = _sessions(items, titles, second, values, draw)
    found = {(pair.word, pair.means) for pair in mine_synonyms(rows, classes, vocabulary).pairs}
    pairs = {(new, word) for word, new in second.items()}
    either = pairs | {(word, new) for new, word in pairs}
    rash = _typed_after(rows)
    return {
        "sessions": SESSIONS,
        "planted": len(pairs),
        "mined": len(found),
        "precision": round(len(found & either) / max(len(found), 1), 4),
        "recall": round(len({frozenset(one) for one in found & either}) / max(len(pairs), 1), 4),
        "other_values": sum(
            one in classes and classes[one] == classes.get(other) for one, other in found
        ),
        "floor_precision": round(len(rash & either) / max(len(rash), 1), 4),
        "floor_recall": round(
            len({frozenset(one) for one in rash & either}) / max(len(pairs), 1), 4
        ),
        "floor_other_values": sum(
            one in classes and classes[one] == classes.get(other) for one, other in rash
        ),
    }


def _sessions(
    items: Sequence[CatalogueItem],
    titles: Sequence[list[str]],
    second: dict[str, str],
    values: list[str],
    draw: np.random.Generator,
) -> list[SearchRow]:
    weights = np.array([1 + 20 * bool(set(words) & second.keys()) for words in titles], float)
    weights[[place for place, words in enumerate(titles) if len(set(words)) < 2]] = 0
    sought = draw.choice(len(items), size=SESSIONS, p=weights / weights.sum())
    rows: list[SearchRow] = []
    for number, place in enumerate(sought.tolist()):
        meant = draw.permutation(sorted(set(titles[place])))[:2].tolist()
        typed = [second[w] if w in second and draw.random() < 0.5 else w for w in meant]
        name, at = f"ses-{number}", _START + timedelta(minutes=number)
        if typed != meant and draw.random() < 0.5:
            rows.append(SearchRow(name, at, " ".join(typed)))
            typed = meant
        elif draw.random() < CHANGED_MINDS:
            rows.append(SearchRow(name, at, " ".join(_other_wish(typed, values, titles, draw))))
        clicked = (items[place].item_id,)
        rows.append(SearchRow(name, at + timedelta(seconds=30), " ".join(typed), clicked))
    return rows


def _other_wish(
    typed: list[str], values: list[str], titles: Sequence[list[str]], draw: np.random.Generator
) -> list[str]:
    """The query with another brand or colour in it, or with a word of any other title."""
    place = next((at for at, word in enumerate(typed) if word in values), 0)
    other = titles[int(draw.integers(len(titles)))]
    if typed[place] in values or not other:
        other = values
    return [*typed[:place], other[int(draw.integers(len(other)))], *typed[place + 1 :]]


def _typed_after(rows: Sequence[SearchRow]) -> set[tuple[str, str]]:
    sessions: Counter[tuple[str, str]] = Counter()
    for before, after in pairwise(rows):
        if before.session_id == after.session_id:
            left = set(words_of(before.query)) - set(words_of(after.query))
            new = set(words_of(after.query)) - set(words_of(before.query))
            sessions.update((one, other) for one in left for other in new)
    return {pair for pair, count in sessions.items() if count >= MIN_SESSIONS}
