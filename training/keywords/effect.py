"""Keyword proposals and their effect, measured by searching again with the amended titles.

    rows = optimise(items, asked, search_of=index, depth=10)

``search_of`` builds a search over the catalogue with some titles changed: the shop's own index, or
any other. A word that brings none of its queries within ``depth`` is taken back, and what is left
is measured by a last search, so that every row says what the listing would gain. Pure.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from training.keywords.model import (
    Asked,
    Item,
    Missed,
    Proposal,
    Search,
    TitleRule,
    missed_queries,
    propose,
    rank_of,
    words_of,
)

SearchOf = Callable[[Mapping[str, str]], Search]  # changed titles by item id


@dataclass(frozen=True)
class Row:
    """One missed query: where the item stood, the words for it, where it stands, the evidence."""

    item_id: str
    query: str
    reason: str
    rank_before: int | None
    words: tuple[str, ...]
    rank_after: int | None
    evidence: Mapping[str, str]


def optimise(
    items: Sequence[Item],
    asked: Sequence[Asked],
    *,
    search_of: SearchOf,
    depth: int = 10,
    is_fit: TitleRule = lambda _: True,
    catalogue: Sequence[Item] = (),
) -> tuple[list[Proposal], list[Row]]:
    """Proposals for ``items`` and a row for each query they miss; ``catalogue`` has all items."""
    search = cache(search_of({}))
    categories = {item.item_id: item.category for item in catalogue or items}
    of_item, of_category = _by_item(asked), _by_category(asked, categories)
    proposals = []
    for item in items:
        own = of_item[item.item_id]
        near = dict.fromkeys([*own, *of_category[item.category]])  # each query once
        missed = missed_queries(item, [asked[at] for at in near], search, categories, depth=depth)
        proposals.append(propose(item, missed, [asked[at] for at in own], is_fit))
    titles = {item.item_id: item.title for item in items}
    trial = cache(search_of(amended_titles(proposals, titles)))
    proposals = [_useful(one, trial, depth) for one in proposals]
    final = cache(search_of(amended_titles(proposals, titles)))
    return proposals, [row for one in proposals for row in _rows(one, final, depth)]


def amended_titles(proposals: Sequence[Proposal], titles: Mapping[str, str]) -> dict[str, str]:
    """The new titles of those listings that get words."""
    return {one.item_id: one.amended(titles[one.item_id]) for one in proposals if one.words}


def _by_item(asked: Sequence[Asked]) -> dict[str, list[int]]:
    """Places in ``asked`` of the queries after which an item was bought."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, query in enumerate(asked):
        for item_id in query.bought:
            places[item_id].append(at)
    return places


def _by_category(asked: Sequence[Asked], categories: Mapping[str, str]) -> dict[str, list[int]]:
    """The same by category; items without a category share none."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, query in enumerate(asked):
        for category in sorted({categories.get(item_id, "") for item_id in query.bought} - {""}):
            places[category].append(at)
    return places


def _useful(proposal: Proposal, trial: Search, depth: int) -> Proposal:
    """Without the words of which no query shows the item now."""
    mended = [one for one in proposal.missed if _rank(proposal, one, trial, depth) is not None]
    used = frozenset[str]().union(*(words_of(one.query) for one in mended))
    words = tuple(word for word in proposal.words if words_of(word) <= used)
    dropped = {word: "it mends no query" for word in proposal.words if word not in words}
    evidence = {word: proposal.evidence[word] for word in words}
    return replace(
        proposal, words=words, evidence=evidence, refused={**proposal.refused, **dropped}
    )


def _rows(proposal: Proposal, final: Search, depth: int) -> list[Row]:
    rows = []
    for one in proposal.missed:
        own = tuple(word for word in proposal.words if words_of(word) <= words_of(one.query))
        rows.append(
            Row(
                item_id=proposal.item_id,
                query=one.query,
                reason=one.reason,
                rank_before=one.rank,
                words=own,
                rank_after=_rank(proposal, one, final, depth),
                evidence={word: proposal.evidence[word] for word in own},
            )
        )
    return rows


def _rank(proposal: Proposal, missed: Missed, search: Search, depth: int) -> int | None:
    return rank_of(proposal.item_id, search(missed.query, depth))
