"""From a query as a shopper typed it to the products a shop shows, every change told. Pure.

Conditions are read from the words, misspelt words mended where that finds more, the index is asked,
and where too little is found the query is changed step by step. What the request itself filters by
is never given up; what was read from the words may be, and then it is said.

Dimensions: N products, W words of a query.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from governance.errors import InputError
from training.query_help.filters import BRAND, CATEGORY, PRICE, STOCK, Asked, Filter
from training.query_help.model import Correction, QueryHelp, Rescued, Step
from training.query_help.words import folded
from training.shop_data import Ints
from training.shop_search.config import ShopSearchKnobs
from training.shop_search.translation import with_read
from training.text_search.filters import NO_FILTERS, Filters
from training.text_search.fusion import FusionName
from training.text_search.index import Hit, SearchIndex
from training.text_search.words import distinct, words_of

Popular = Mapping[str, Sequence[str]]  # item ids by a category's last level; empty: of the shop
_OF_ALL = (BRAND, CATEGORY, PRICE, STOCK)  # facts that a shop tells of products of all kinds
_LOOKED_AT = 1_000  # products with the words, by row: enough to tell a share
NEAREST = Step("popular", "no product has these words; what is nearest in meaning is shown")


@dataclass(frozen=True)
class Found:
    """Products in order of relevance, and what was made of the query on the way to them."""

    hits: tuple[Hit, ...]
    text: str  # what the index was asked
    corrected_query: str | None = None  # the whole query, mended; None: as typed
    read: tuple[Filter, ...] = ()  # conditions read from the words that hold
    preferences: tuple[Filter, ...] = ()  # read, but not sure enough to exclude anything
    steps: tuple[Step, ...] = ()  # what was changed because too little was found
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # that each product has


@dataclass(frozen=True)
class ShopSearch:
    """An index and the help of the same version."""

    index: SearchIndex
    help: QueryHelp
    popular: Popular = field(default_factory=dict)
    knobs: ShopSearchKnobs = field(default_factory=ShopSearchKnobs)

    def find(
        self,
        query: str,
        *,
        count: int = 10,
        filters: Filters = NO_FILTERS,
        fusion: FusionName | None = None,
    ) -> Found:
        """At most ``count`` products; InputError for a filter by a fact that no product tells."""
        self.index.facts.allowed(filters)  # refuses what cannot hold, before anything is read
        asking = _Asking(self, filters, fusion, max(count, self.knobs.enough))
        if not words_of(query):
            return Found((), "")
        asked, corrected = self._understood(query, asking)
        rescued = self.help.rescue(
            asked,
            search=asking.agreeing,
            popular=asking.popular if self.popular else None,
            k=count,
            enough=self.knobs.enough,
        )
        hits, steps = asking.shown(rescued, asked.text)
        return Found(
            hits=tuple(hits[:count]),
            text=rescued.text or asked.text,
            corrected_query=corrected,
            read=rescued.filters,
            preferences=asked.preferences,
            steps=steps,
            words=self.words_in(rescued.text or asked.text, [hit.item_id for hit in hits[:count]]),
        )

    def warm_up(self) -> None:
        """Build what the first shopper would wait for: half a second for 90,000 products."""
        for name, value in ((BRAND, "-"), (CATEGORY, "-"), (STOCK, True), (PRICE, 1.0), ("-", "-")):
            self._is_told(Filter(name, "=", value))
        self.find("coffe under 10", count=1)

    def words_in(self, text: str, item_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Which words of a text each product has."""
        known = self.index.lexical.known_words(text)
        rows = np.array([self.index.catalogue.row_of[one] for one in item_ids], dtype=np.int32)
        agrees = self.index.lexical.agreement(known, rows)
        return {
            item_id: tuple(word for word, has in zip(known, row, strict=True) if has)
            for item_id, row in zip(item_ids, agrees.tolist(), strict=True)
        }

    def words_of(self, text: str) -> list[str]:
        """The words of a text as the index compares them, each once."""
        return distinct(words_of(text))

    def _understood(self, query: str, asking: "_Asking") -> tuple[Asked, str | None]:
        """Conditions and text, with misspelt words of the text mended; conditions in these too."""
        asked = self._with_told_facts(self.help.read_filters(query))
        mended = self.help.correct(
            asked.text, count=lambda text: asking.count_with_all_words(text, asked.filters)
        )
        if not mended.changes:
            return asked, None
        again = self._with_told_facts(self.help.read_filters(mended.text))
        fields = {one.field for one in asked.filters}
        more = tuple(one for one in again.filters if one.field not in fields)
        text = again.text if len(more) == len(again.filters) else mended.text
        preferences = tuple(dict.fromkeys((*asked.preferences, *again.preferences)))
        return (
            Asked(query, text, (*asked.filters, *more), preferences),
            _rewritten(query, mended),
        )

    def _with_told_facts(self, asked: Asked) -> Asked:
        """A condition by a fact that few of the products meant tell stays words."""
        told = tuple(
            one
            for one in asked.filters
            if self._is_told(one) and (one.field in _OF_ALL or self._is_usual(one, asked.text))
        )
        untold = dict.fromkeys(one.words for one in asked.filters if one not in told)
        return replace(asked, text=" ".join([asked.text, *untold]).strip(), filters=told)

    def _is_told(self, one: Filter) -> bool:
        try:
            self.index.facts.allowed(with_read(NO_FILTERS, [one]))
        except InputError:
            return False
        return True

    def _is_usual(self, one: Filter, text: str) -> bool:
        """Whether enough of the products that have the words tell an attribute at all."""
        rows = self.rows_with_all_words(text)[:_LOOKED_AT].tolist()
        telling = [one.field in self.index.catalogue.products[row].attributes for row in rows]
        return bool(rows) and sum(telling) >= self.knobs.told_from * len(rows)

    def rows_with_all_words(self, text: str, filters: Filters = NO_FILTERS) -> Ints:
        """Of products that have every word of a text and satisfy the filters."""
        words = distinct(words_of(text))
        known = self.index.lexical.known_words(text)
        if not known or len(known) < len(words):
            return np.empty(0, dtype=np.int32)
        rows = np.flatnonzero(self.index.facts.allowed(filters)).astype(np.int32)
        return rows[self.index.lexical.agreement(known, rows).all(axis=1)]


@dataclass(frozen=True)
class _Asking:
    """One request's questions to the index, each asked once."""

    shop: ShopSearch
    given: Filters
    fusion: FusionName | None
    count: int
    answers: dict[tuple[str, tuple[Filter, ...]], list[Hit]] = field(default_factory=dict)

    def hits(self, text: str, read: tuple[Filter, ...]) -> list[Hit]:
        if (text, read) not in self.answers:
            self.answers[text, read] = self.shop.index.search(
                text,
                k=self.count,
                filters=with_read(self.given, read),
                fusion=self.fusion,
                depth=max(self.count, self.shop.knobs.reach),  # one shopper's order is of as many
            )
        return self.answers[text, read]

    def agreeing(self, text: str, read: tuple[Filter, ...], k: int) -> list[str]:
        """What counts as found: products with every word, or near enough in meaning."""
        hits = self.hits(text, read)
        has_all = set(self._with_all_words(text, hits))
        near_from = self.shop.knobs.near_from
        found = [h.item_id for h in hits if h.dense_score >= near_from or h.item_id in has_all]
        return found[:k]

    def count_with_all_words(self, text: str, read: tuple[Filter, ...]) -> int:
        """How many products have every word of a text, and satisfy every condition."""
        return len(self.shop.rows_with_all_words(text, with_read(self.given, read)))

    def popular(self, category: str, k: int) -> list[str]:
        """What sells, of what the request's own filters allow."""
        asked = [category] if category else list(self.given.categories)
        ids = [one for name in asked for one in self.shop.popular.get(name, ())]
        ids = ids or list(self.shop.popular.get("", ()))
        rows = self.shop.index.catalogue.row_of
        allowed = self.shop.index.facts.allowed(self.given)
        return [one for one in ids if one in rows and allowed[rows[one]]][:k]

    def shown(self, rescued: Rescued, text: str) -> tuple[list[Hit], tuple[Step, ...]]:
        """The hits of the search that was enough; else what is popular; else what is nearest."""
        if rescued.items and not rescued.text:
            sells = [self._popular_hit(one, rank) for rank, one in enumerate(rescued.items, 1)]
            return sells, rescued.steps
        hits = self.hits(rescued.text or text, rescued.filters)
        if rescued.items or not hits:
            return hits, rescued.steps
        return hits, (*(rescued.steps if rescued.text else ()), NEAREST)

    def _with_all_words(self, text: str, hits: Sequence[Hit]) -> list[str]:
        words = distinct(words_of(text))
        ids = [hit.item_id for hit in hits]
        has = self.shop.words_in(text, ids)
        return [item_id for item_id in ids if words and len(has[item_id]) == len(words)]

    def _popular_hit(self, item_id: str, rank: int) -> Hit:
        product = self.shop.index.catalogue.products[self.shop.index.catalogue.row_of[item_id]]
        return Hit(item_id, product.title, rank, 0.0, 0.0, None, 0.0, None)


def _rewritten(query: str, mended: Correction) -> str:
    """The whole query with each change made where it was written first."""
    text = folded(query)
    for change in mended.changes:
        written = rf"(?<!\w){re.escape(change.written)}(?!\w)"
        text = re.sub(written, change.meant.replace("\\", ""), text, count=1)
    return text
