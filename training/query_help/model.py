"""Everything that helps a query, in one object; all that serving needs of this folder.

    help = QueryHelp.from_json(saved)
    help.correct("kyboard", count=...)        # spelling, where it finds more
    help.read_filters("hp toner under $50")   # conditions and the text that is left
    help.complete("wirel")                    # what is being typed
    help.rescue(asked, search=..., k=20)      # a ladder when too little is found

A search is a function given by the caller; no index lives here. Knows no files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.query_help.completion import MOST, Completion, Completions
from training.query_help.filters import Asked, Filter, FilterWords, read_filters
from training.query_help.rescue import (
    ENOUGH,
    Ladder,
    Popular,
    Rescued,
    Search,
    Step,
    rescue,
)
from training.query_help.saved import parts_as_json, parts_from_json
from training.query_help.spelling import Change, Correction, Count, Speller, correct
from training.query_help.synonyms import Synonym, Synonyms
from training.query_help.vocabulary import Vocabulary

__all__ = [
    "Asked", "Change", "Completion", "Completions", "Correction", "Filter", "FilterWords",
    "QueryHelp", "Rescued", "Speller", "Step", "Synonym", "Synonyms", "Vocabulary",
]  # fmt: skip


@dataclass(frozen=True)
class QueryHelp:
    """What a catalogue and its sessions taught."""

    speller: Speller
    synonyms: Synonyms
    filters: FilterWords
    completions: Completions

    def correct(self, query: str, *, count: Count | None = None) -> Correction:
        """The query with misspelt words mended where ``count`` says that this finds more."""
        return correct(query, self.speller, count=count)

    def synonyms_of(self, word: str) -> tuple[Synonym, ...]:
        """What shoppers type for the same, with the evidence; the best first."""
        return self.synonyms.of(word)

    def read_filters(self, query: str) -> Asked:
        """The query's conditions, preferences and the text that is left."""
        return read_filters(query, self.filters)

    def complete(self, typed: str, k: int = MOST) -> list[Completion]:
        """At most ``k`` queries that may be being typed."""
        return self.completions.complete(typed, k)

    def rescue(
        self,
        asked: Asked,
        *,
        search: Search,
        popular: Popular | None = None,
        k: int,
        enough: int = ENOUGH,
    ) -> Rescued:
        """Items for a query that finds too little, and every change that led to them."""
        ladder = Ladder(self.speller, self.synonyms, search, popular)
        return rescue(asked, ladder, k=k, enough=enough)

    def as_json(self) -> dict[str, Any]:
        """A mapping that :meth:`from_json` reads."""
        return parts_as_json((self.speller, self.synonyms, self.filters, self.completions))

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "QueryHelp":
        """What :meth:`as_json` gave; InputError where it is something else."""
        found = cls(*parts_from_json(saved))
        found.correct("unknown wordz")  # builds what the first shopper would wait for: half a
        found.complete("unknown wordz")  # second where the catalogue has 200,000 words
        return found
