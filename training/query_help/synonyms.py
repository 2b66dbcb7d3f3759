"""Words that stand for one another, with their evidence, as ``synonym_mining.py`` finds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

Way = Literal["typed instead", "same clicks"]


@dataclass(frozen=True)
class SearchRow:
    """One search and what was clicked or bought after it.

    A shop's searches have all but ``clicked``: the items of views, carts and purchases with the
    same ``query_id``.
    """

    session_id: str
    at: datetime
    query: str
    clicked: tuple[str, ...] = ()
    user_id: str = ""  # empty: nobody who is known


@dataclass(frozen=True)
class Synonym:
    """Who types ``word`` is served by ``means``; not the other way unless that is told too."""

    word: str
    means: str
    way: Way
    sessions: int
    items: int  # clicked after both
    likelihood: float


@dataclass(frozen=True)
class Synonyms:
    """All pairs, the best of each word first."""

    pairs: tuple[Synonym, ...] = ()

    @cached_property
    def by_word(self) -> Mapping[str, tuple[Synonym, ...]]:
        """The pairs of each word or phrase."""
        found: dict[str, tuple[Synonym, ...]] = {}
        for pair in self.pairs:
            found[pair.word] = (*found.get(pair.word, ()), pair)
        return found

    def of(self, word: str) -> tuple[Synonym, ...]:
        """What may stand for a word, the best first."""
        return self.by_word.get(word, ())
