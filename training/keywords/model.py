"""The queries that should find an item and do not, and the words that would mend that.

A query belongs to an item where the item itself was bought after it, or where shoppers bought in
the item's category after it and every word of it is true of the item. A word is only proposed when
something says that the item is so: an attribute, its brand, its category, or purchases of this very
item after queries with that word. Stuffing is refused by a cap on words and by a rule on the whole
title. Pure; a search is a function from a text and a number to item ids, best first.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from training.encoder.readable import readable

Search = Callable[[str, int], Sequence[str]]
TitleRule = Callable[[str], bool]  # whether a title is fit to be shown
Reason = Literal["bought after it", "bought in its category"]

MOST_WORDS = 6  # added to one listing; more reads as a list of keywords
MOST_SHARE = 0.6  # of a title's own words that may be added, yet always two
MOST_CHARACTERS = 200  # of a title: longer ones are cut by the shops that list them
MIN_PURCHASES = 3  # of the item after a query's word, for purchases alone to back the word
MIN_QUERIES = 2  # different queries with the word among them: one may be an accident
MOST_QUERY = 200  # characters of a query that are read

_WORD = re.compile(r"[^\W_]+")
_EMPTY = frozenset(  # they ask for nothing, and "without" would turn a claim around
    {
        "a", "an", "and", "at", "by", "for", "from", "in", "is", "no", "not", "of", "on", "or",
        "the", "to", "with", "without",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """``text`` is true of an item; ``source`` says who says so (``brand``, ``colour``, ...)."""

    source: str
    text: str


@dataclass(frozen=True)
class Item:
    """A listing and what is known of the thing itself."""

    item_id: str
    title: str
    category: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A query and what shoppers took after it: purchases, or clicks where a shop logs no more."""

    text: str
    bought: Mapping[str, int] = field(default_factory=dict)  # item id: how often


@dataclass(frozen=True)
class Missed:
    """A query that should find the item and ranks it at ``rank``, or nowhere (None)."""

    query: str
    rank: int | None
    reason: Reason
    weight: int  # purchases that speak for it


@dataclass(frozen=True)
class Proposal:
    """Words for one listing; ``evidence`` has a line for each, ``refused`` why others are not."""

    item_id: str
    words: tuple[str, ...]
    evidence: Mapping[str, str]
    refused: Mapping[str, str]
    missed: tuple[Missed, ...]

    def amended(self, title: str) -> str:
        """The title with the words at its end."""
        return f"{title}, {' '.join(self.words)}" if self.words else title


def missed_queries(
    item: Item, asked: Sequence[Asked], search: Search, categories: Mapping[str, str], *, depth: int
) -> tuple[Missed, ...]:
    """Queries of the item that do not show it among the first ``depth``, the weightiest first."""
    known = _known_words(item)
    found = []
    for query in asked:
        own, near = query.bought.get(item.item_id, 0), _bought_in(item.category, query, categories)
        is_true = bool(words_of(query.text)) and _all_words(query.text) <= known.keys()
        if own or (near and is_true):
            rank = rank_of(item.item_id, search(query.text, depth))
            if rank is None:
                reason: Reason = "bought after it" if own else "bought in its category"
                found.append(Missed(query.text, rank, reason, own or near))
    return tuple(sorted(found, key=lambda one: (-one.weight, one.query)))


def propose(
    item: Item,
    missed: Sequence[Missed],
    asked: Sequence[Asked],
    is_fit: TitleRule = lambda _: True,
) -> Proposal:
    """The words that mend most of what is missed for the fewest words, each with its evidence."""
    backed = _known_words(item) | _bought_words(item, asked)
    have = words_of(item.title)
    room = min(MOST_WORDS, max(2, int(len(_WORD.findall(item.title)) * MOST_SHARE)))
    added: list[str] = []
    refused: dict[str, str] = {}
    for query in sorted(missed, key=lambda one: (-_worth(one, have), one.query)):
        lacking = [word for word in _spelt(query.query) if _folded(word) not in have]
        for word in lacking:
            if _folded(word) not in backed:
                refused[word] = "nothing says that the item is so"
        new = [word for word in lacking if _folded(word) in backed]
        if not new or len(added) + len(new) > room:
            refused.update(dict.fromkeys(new, "the cap on added words"))
            continue
        title = f"{item.title}, {' '.join([*added, *new])}"
        if is_stuffed(title) or not is_fit(title):
            refused.update(dict.fromkeys(new, "the title would be stuffed"))
            continue
        added += new
        have |= {_folded(word) for word in new}
    evidence = {word: backed[_folded(word)] for word in added}
    refused = {word: why for word, why in refused.items() if word not in evidence}
    return Proposal(item.item_id, tuple(added), evidence, refused, tuple(missed))


def is_stuffed(title: str) -> bool:
    """Too long, or a word thrice: what reads as a list of keywords."""
    counted = Counter(_folded(word) for word in _WORD.findall(readable(title)))
    often = [word for word, times in counted.items() if times > 2 and len(word) > 2]
    return len(title) > MOST_CHARACTERS or bool(often)


def rank_of(item_id: str, found: Sequence[str]) -> int | None:
    """Place from 1, or None."""
    return next((place for place, one in enumerate(found, start=1) if one == item_id), None)


def words_of(text: str) -> frozenset[str]:
    """Words in one form: small letters, without a plural's s, none that says nothing."""
    return frozenset(map(_folded, _spelt(text)))


def _all_words(text: str) -> frozenset[str]:
    """In one form, numbers too: an item is not of every set's number."""
    words = _WORD.findall(readable(text, MOST_QUERY).casefold())
    return frozenset(_folded(word) for word in words if word not in _EMPTY)


def _spelt(text: str) -> list[str]:
    words = dict.fromkeys(_WORD.findall(readable(text, MOST_QUERY).casefold()))
    return [word for word in words if word not in _EMPTY and not (word.isdigit() or len(word) < 2)]


def _folded(word: str) -> str:
    small = word.casefold()
    return small[:-1] if len(small) > 3 and small.endswith("s") and small[-2] != "s" else small


def _known_words(item: Item) -> dict[str, str]:
    """Every word that is true of the item: who says so."""
    said = [*item.facts, Fact("category", item.category), Fact("title", item.title)]
    known: dict[str, str] = {}
    for fact in said:
        for word in _WORD.findall(readable(fact.text)):
            known.setdefault(_folded(word), f"{fact.source}: {readable(fact.text, 60)}")
    return known


def _bought_words(item: Item, asked: Sequence[Asked]) -> dict[str, str]:
    """Words of queries after which this very item was bought often enough."""
    counts: dict[str, list[int]] = defaultdict(list)
    for query in asked:
        if bought := query.bought.get(item.item_id, 0):
            for word in words_of(query.text):
                counts[word].append(bought)
    return {
        word: f"bought {sum(bought)} times after {len(bought)} queries with it"
        for word, bought in sorted(counts.items())
        if sum(bought) >= MIN_PURCHASES and len(bought) >= MIN_QUERIES
    }


def _bought_in(category: str, query: Asked, categories: Mapping[str, str]) -> int:
    if not category:
        return 0
    return sum(n for item, n in query.bought.items() if categories.get(item) == category)


def _worth(query: Missed, have: frozenset[str]) -> float:
    return query.weight / max(len(words_of(query.query) - have), 1)
