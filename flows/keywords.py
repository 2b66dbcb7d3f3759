"""Keywords of the home's shop: queries that should find an item and do not, words that mend that.

What was asked and bought is the warehouse's, search is the shop's own: its newest index is asked as
the server asks it, and once more with the amended titles embedded and indexed anew. Spelling,
synonyms and what sells stay those of the index. Apart from ``cli_keywords.py`` because it imports
the encoder; ``keyword_repairs.py`` proposes the amended titles.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from flows.keyword_repairs import proposed_repairs
from flows.shop_search import INDEX, with_read_attributes
from governance.errors import InputError, StateError
from governance.settings import Settings
from training.keywords.effect import Row, amended_titles, optimise
from training.keywords.facts import item_of
from training.keywords.model import Asked, Item, Missed, Proposal, Search, rank_of
from training.query_category.sold_queries import asked_of, sold_queries
from training.shop_data import open_warehouse
from training.shop_search.model import ShopSearch, open_shop_search
from training.text_search.amended import Amending
from training.text_search.catalogue import Catalogue
from training.text_search.index import SearchIndex

Talk = Callable[[str], None]
DEPTH = 10  # places that shoppers look at: a query that shows the item further down misses it
TOLD_TO = 100  # places up to which a rank is told; further down is nowhere
_SAID_EVERY = 200  # queries asked of the index: some seconds
_SEARCHES_SQL = "select count(*), count(*) filter (is_synthetic) from fct_searches"


@dataclass(frozen=True)
class KeywordWish:
    """What the command was asked for."""

    item_id: str | None = None  # None: the items that were bought most after a search
    limit: int = 10  # of those


@dataclass(frozen=True)
class Keywords:
    """An entry for each item that queries miss, and what all of it was read from."""

    items: list[dict[str, Any]]
    looked_at: int
    index_version: str
    searches: int
    simulated: int  # of the searches

    @property
    def told(self) -> str:
        """Whose words they are."""
        if not self.simulated:
            return f"{self.searches:,} searches of shoppers"
        whose = "all" if self.simulated == self.searches else f"{self.simulated:,}"
        return (
            f"{self.searches:,} searches, {whose} of them simulated: those queries, and what was "
            "bought after them, are the simulator's and no shopper's"
        )


def optimise_keywords(settings: Settings, wish: KeywordWish, talk: Talk) -> Keywords:
    """Words for the wished items, proposed in the ledger, each with the search's answer before."""
    import torch

    torch.set_num_threads(settings.threads)
    asked, searches, simulated = _read_asked(settings.warehouse_path)
    shop = open_shop_search(settings.bundles_dir / INDEX, encoder=settings.encoder)
    catalogue = [item_of(product) for product in shop.index.catalogue.products]
    items = _chosen(catalogue, asked, wish)
    trials = _Trials(shop, Amending.of(shop.index), talk)
    proposals, rows = optimise(
        items, asked, search_of=trials.search_of, depth=DEPTH, catalogue=catalogue
    )
    titles = {item.item_id: item.title for item in items}
    before, after = trials.search_of({}), trials.search_of(amended_titles(proposals, titles))
    of_item = {(row.item_id, row.query): row for row in rows}
    found = [
        _told(one, titles[one.item_id], of_item, (before, after)) for one in proposals if one.missed
    ]
    repairs = proposed_repairs(settings, found, index_version=shop.index.version)
    found = [one | {"repair": repairs.get(one["item"])} for one in found]
    return Keywords(found, len(items), shop.index.version, searches, simulated)


@dataclass
class _Trials:
    """The shop's search with changed titles; each set of them is indexed once."""

    shop: ShopSearch
    amending: Amending
    talk: Talk
    asked: int = 0
    known: dict[frozenset[tuple[str, str]], Search] = field(default_factory=dict)

    def search_of(self, titles: Mapping[str, str]) -> Search:
        """The ids that a shopper would be shown, best first."""
        key = frozenset(titles.items())
        if key not in self.known:
            self.talk(f"indexing {len(self.shop.index.catalogue):,} products, "
                      f"{len(titles)} of them with another title")  # fmt: skip
            self.known[key] = self._search(replace(self.shop, index=self._index_of(titles)))
        return self.known[key]

    def _index_of(self, titles: Mapping[str, str]) -> SearchIndex:
        catalogue = self.shop.index.catalogue
        changed = [
            replace(catalogue.products[catalogue.row_of[item_id]], title=title)
            for item_id, title in sorted(titles.items())
        ]
        return self.amending.index_of(with_read_attributes(Catalogue(tuple(changed))).products)

    def _search(self, shop: ShopSearch) -> Search:
        @cache
        def shown(query: str) -> tuple[str, ...]:
            self.asked += 1
            if not self.asked % _SAID_EVERY:
                self.talk(f"{self.asked:,} queries asked")
            return tuple(hit.item_id for hit in shop.find(query, count=TOLD_TO).hits)

        return lambda query, most: shown(query)[:most]


def _read_asked(warehouse_path: Path) -> tuple[list[Asked], int, int]:
    """Queries with what was bought after them; how many searches there are, and simulated ones."""
    with open_warehouse(warehouse_path, to="read searches from") as warehouse:
        asked = asked_of(sold_queries(warehouse))
        (counts,) = warehouse.sql(_SEARCHES_SQL).fetchall()
    if not asked:
        raise StateError(
            "no search of this shop led to a purchase",
            where=str(warehouse_path),
            why=f"it has {counts[0]:,} searches; what a query means is read from what it sold",
            next_step="log searches with the items that they showed, and build again",
        )
    return asked, *counts


def _chosen(catalogue: Sequence[Item], asked: Sequence[Asked], wish: KeywordWish) -> list[Item]:
    """The item asked for, or those that were bought most after a search."""
    if wish.item_id is not None:
        found = [item for item in catalogue if item.item_id == wish.item_id]
        if not found:
            raise InputError(
                f"there is no item {wish.item_id}",
                where="the search index",
                next_step="counterfoil train search, if the item is new",
            )
        return found
    bought: Counter[str] = Counter()
    for query in asked:
        bought.update(query.bought)
    known = [item for item in catalogue if item.item_id in bought]
    return sorted(known, key=lambda item: (-bought[item.item_id], item.item_id))[: wish.limit]


def _told(
    proposal: Proposal,
    title: str,
    rows: Mapping[tuple[str, str], Row],
    searches: tuple[Search, Search],
) -> dict[str, Any]:
    """One item: its words with who says so, and where each missed query shows it."""

    def query_of(missed: Missed) -> dict[str, Any]:
        before, after = (
            rank_of(proposal.item_id, search(missed.query, TOLD_TO)) for search in searches
        )
        return {
            "query": missed.query,
            "reason": missed.reason,
            "bought": missed.weight,
            "words": list(rows[proposal.item_id, missed.query].words),
            "rank_before": before,
            "rank_after": after,
        }

    queries = [query_of(missed) for missed in proposal.missed]
    mended = sum(one["bought"] for one in queries if (one["rank_after"] or TOLD_TO) <= DEPTH)
    return {
        "item": proposal.item_id,
        "title": title,
        "amended_title": proposal.amended(title),
        "words": [{"word": word, "because": proposal.evidence[word]} for word in proposal.words],
        "refused": dict(sorted(proposal.refused.items())),
        "queries": queries,
        "mended_share": round(mended / sum(one["bought"] for one in queries), 4),
    }
