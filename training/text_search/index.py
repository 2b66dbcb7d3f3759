"""An index in memory: candidates of both lists, their fusion, filters, reasons.

Every hit has its parts. Filters hold before anything is ranked. An empty query finds nothing.
Dimensions: N products, C candidates, D numbers of a vector. Knows no files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from governance.errors import InputError
from training.encoder.model import Vectors
from training.exact_search import best_of_rows, empty_lists
from training.fine_tuning.lesson import Texts
from training.fine_tuning.model import TunedModel
from training.fusion.model import NOT_PROPOSED, Pool, pool_of
from training.nearest_items.model import GraphItems
from training.retrievers import Proposals
from training.shop_data import Floats, Longs
from training.text_search.catalogue import Catalogue, Product
from training.text_search.config import SearchKnobs
from training.text_search.filters import NO_FILTERS, Bools, Facts, Filters
from training.text_search.fusion import LISTS, Doubles, Fusion, FusionName, columns_of
from training.text_search.lexical import Lexical
from training.text_search.words import distinct, words_of


class Embeds(Protocol):
    """Whatever gives the vector of a query: the encoder, or its form of 8 bits."""

    @property
    def digest(self) -> str: ...

    def embed(self, texts: Sequence[str], *, length: int) -> Vectors: ...


@dataclass(frozen=True)
class Hit:
    """A product found, and why it stands where it stands; a rank of None: not in that list."""

    item_id: str
    title: str
    rank: int
    score: float
    lexical_score: float
    lexical_rank: int | None
    dense_score: float
    dense_rank: int | None
    cross_score: float | None = None


@dataclass(frozen=True)
class Words:
    """Which words of a query a product has: in its title, elsewhere in its text, or not."""

    in_title: tuple[str, ...]
    in_text: tuple[str, ...]
    missing: tuple[str, ...]
    hit: Hit | None  # as found among all candidates; None where neither list proposed it


@dataclass(frozen=True)
class SearchIndex:
    """A catalogue ready to be searched; rows of all parts are the catalogue's."""

    catalogue: Catalogue
    lexical: Lexical
    vectors: Floats  # (N, D) unit rows, zero for a product without text
    encoder: Embeds
    fusion: Fusion = field(default_factory=Fusion)
    knobs: SearchKnobs = field(default_factory=SearchKnobs)
    graph: GraphItems | None = None
    graph_recall: Mapping[str, float] = field(default_factory=dict)  # against exact search, by k
    cross: TunedModel | None = None
    version: str = ""

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        filters: Filters = NO_FILTERS,
        fusion: FusionName | None = None,
        depth: int | None = None,
    ) -> list[Hit]:
        """The k best products that satisfy the filters, best first; equal scores by row.

        ``depth``: of each list; scores are shares of the best found, so an order that shall not
        change with k needs the same one.
        """
        if fusion is not None:
            self.fusion.check(fusion)
        allowed = None if filters == NO_FILTERS else self.facts.allowed(filters)
        pool = self.candidates(query, allowed, depth=depth or max(self.knobs.depth, k))
        if not len(pool.item):
            return []
        fused = self.fused(query, pool, fusion)
        crossed: dict[int, float] = {}
        if self.cross is not None and fusion not in LISTS:
            fused, crossed = self.read_again(self.cross, query, pool, fused)
        order = best_first(pool, fused)
        return [
            self._hit(pool, at, rank=rank, score=float(fused[at]), cross=crossed.get(at))
            for rank, at in enumerate(order[:k].tolist(), start=1)
        ]

    def explain(self, query: str, item_id: str, *, filters: Filters = NO_FILTERS) -> Words:
        """The words that agree with a product, and its place among all candidates."""
        row = self.catalogue.row_of.get(item_id)
        if row is None:
            raise InputError(f"there is no item {item_id}", where="the search index")
        words, title = distinct(words_of(query)), set(words_of(self.catalogue.products[row].title))
        known = self.lexical.known_words(query)
        agrees = self.lexical.agreement(known, np.array([row], dtype=np.int32))[0]
        has = {word for word, is_there in zip(known, agrees, strict=True) if is_there} | title
        depth = self.knobs.depth
        hits = self.search(query, k=len(LISTS) * depth, filters=filters, depth=depth)
        return Words(
            in_title=tuple(word for word in words if word in title),
            in_text=tuple(word for word in words if word in has - title),
            missing=tuple(word for word in words if word not in has),
            hit=next((hit for hit in hits if hit.item_id == item_id), None),
        )

    def candidates(self, query: str, allowed: Bools | None = None, *, depth: int) -> Pool:
        """The union of both lists' first ``depth`` products, each with both exact scores."""
        lexical = self.lexical.scores(query)
        asked = self.encoder.embed([query], length=self.knobs.length)[0]
        agrees = lexical > 0 if allowed is None else (lexical > 0) & allowed
        lists = {
            "lexical": _best(np.where(agrees, lexical, np.float32(-np.inf)), depth),
            "dense": self._nearest(asked, allowed, depth),
        }
        pool = pool_of(lists, item_count=len(self.catalogue), k=depth)
        near = self.vectors[pool.item] @ asked
        scores = np.stack([lexical[pool.item], near], axis=1).astype(np.float32)
        return Pool(LISTS, pool.starts, pool.item, scores, pool.ranks)

    def fused(self, query: str, pool: Pool, fusion: FusionName | None = None) -> Doubles:
        """(C,) the candidates' scores by a fusion, or by the index's own."""
        return self.fusion.fuse(pool, lambda: self.columns(query, pool), fusion)

    def columns(self, query: str, pool: Pool) -> Floats:
        """(C, F) what the learned fusion sees."""
        return columns_of(query, pool, self._products(pool, range(len(pool.item))), self.lexical)

    def read_again(
        self, cross: TunedModel, query: str, pool: Pool, fused: Doubles
    ) -> tuple[Doubles, dict[int, float]]:
        """Scores where the best also count by what a cross-encoder says, and what it says of each.

        The best are those up to ``cross_depth`` different texts; a text that many products have is
        read once. Probability and fused score count from 0 to 1 among them, and their scores stay
        in the range that they had, so that none falls below the others.
        """
        order = best_first(pool, fused)
        texts = [p.text(self.knobs.dense_form) for p in self._products(pool, order.tolist())]
        place_of = {text: at for at, text in enumerate(distinct(texts, self.knobs.cross_depth))}
        count = next((at for at, text in enumerate(texts) if text not in place_of), len(texts))
        if not count:
            return fused, {}
        head = order[:count]
        read = Texts((query,) * len(place_of), tuple(place_of))
        chances = cross.probabilities(read)[[place_of[text] for text in texts[:count]], -1]
        mixed = self.knobs.cross_weight * _from_0_to_1(chances)
        mixed += (1 - self.knobs.cross_weight) * _from_0_to_1(fused[head])
        least, most = float(fused[head].min()), float(fused[head].max())
        again = fused.copy()
        again[head] = least + mixed * ((most - least) or 1.0)
        return again, dict(zip(head.tolist(), chances.tolist(), strict=True))

    @cached_property
    def facts(self) -> Facts:
        """The catalogue by fact."""
        return Facts(self.catalogue)

    def _nearest(self, asked: Floats, allowed: Bools | None, depth: int) -> Proposals:
        if not asked.any():
            return Proposals(*empty_lists(1, 0))
        if self.graph is not None and allowed is None:
            return Proposals(*self.graph.search(asked[None], k=depth))
        scores = self.vectors @ asked
        if allowed is not None:
            scores[~allowed] = -np.inf
        return _best(scores, depth)

    def _hit(self, pool: Pool, at: int, *, rank: int, score: float, cross: float | None) -> Hit:
        product = self._products(pool, [at])[0]
        lexical, dense = pool.scores[at].tolist()
        by_words, by_meaning = (
            None if place == NOT_PROPOSED else int(place) for place in pool.ranks[at].tolist()
        )
        return Hit(
            product.item_id, product.title, rank, score, lexical, by_words, dense, by_meaning, cross
        )

    def _products(self, pool: Pool, places: Sequence[int]) -> list[Product]:
        return [self.catalogue.products[pool.item[place]] for place in places]


def best_first(pool: Pool, fused: Doubles) -> Longs:
    """Places of candidates; equal scores by row, what a way does not propose left out."""
    order: Longs = np.lexsort((pool.item, -fused))
    return order[fused[order] > -np.inf]


def _from_0_to_1(values: NDArray[np.floating]) -> Doubles:
    """The least becomes 0 and the most 1; all alike become 0."""
    least, most = float(values.min()), float(values.max())
    return (values.astype(np.float64) - least) / max(most - least, 1e-12)


def _best(scores: Floats, depth: int) -> Proposals:
    items, found = empty_lists(1, min(depth, len(scores)))
    best_of_rows(scores[None], items, found)
    return Proposals(items, found)
