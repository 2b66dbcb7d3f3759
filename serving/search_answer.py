"""The core of ``search``: a wish in, an answer out, the same for KServe and the command line.

Pure but for the three it is given: the shop's search, the recommender's answer for one shopper and
the intent of a text; the last two may be missing. Relevance leads; the ranker has the say that
``training/shop_search/shop_search.yaml`` gives it, and what its rules drop stays dropped.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from governance.errors import CounterfoilError, InputError
from governance.settings import Settings
from serving.schemas import RequestError, parse_instance
from serving.search_wish import Range, SearchFilters, SearchRequest
from serving.wish import MAX_ABOUT_IDS, RecommendRequest
from training.policy.model import BEYOND_K, UNKNOWN_ITEM

if TYPE_CHECKING:
    from training.shop_search.model import Found, ShopSearch
    from training.text_search.model import Between, Filters, Hit

NAME = "search"
DIGITS = 6  # of scores, as a recommendation has them
Answer = dict[str, Any]
Recommend = Callable[[RecommendRequest], Mapping[str, Any] | None]  # None: it cannot answer now
ReadIntent = Callable[[str], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Searcher:
    """Everything one answer needs; safe to share between threads."""

    shop: "ShopSearch"
    recommend: Recommend = lambda _: None
    intent: ReadIntent = lambda _: None

    def answers(self, wishes: Sequence[SearchRequest]) -> list[Answer]:
        """In order; RequestError names the first that asks for what the index cannot hold.

        A recommender that did not answer one is not asked again: all would wait as long.
        """
        found, asking = list[Answer](), self
        for row, wish in enumerate(wishes):
            found.append(asking._answer(wish, row))
            if found[-1].get("is_degraded"):
                asking = replace(self, recommend=lambda _: None)
        return found

    def _answer(self, wish: SearchRequest, row: int) -> Answer:
        if wish.prefix is not None:
            return self._completed(wish.prefix, wish.k)
        if wish.fusion is not None:
            with _refused_at(f"instances[{row}].fusion"):
                self.shop.index.fusion.check(wish.fusion)
        with _refused_at(f"instances[{row}].filters"):
            found = self.shop.find(
                wish.query or "",
                count=self._reach(wish),
                filters=_filters(wish.filters),
                fusion=wish.fusion,
            )
        intent = self.intent(wish.query or "")
        return self._told(wish, found, self._order(wish, found, intent), intent)

    def _reach(self, wish: SearchRequest) -> int:
        """How many are found: those shown, or those that one shopper's order is made of."""
        reach = min(self.shop.knobs.reach, MAX_ABOUT_IDS)
        return max(wish.k, reach) if wish.user_id else wish.k

    def _completed(self, prefix: str, k: int) -> Answer:
        found = self.shop.help.complete(prefix, k)
        return {
            "completions": [asdict(one) for one in found],
            "index_version": self.shop.index.version,
            **_signed(self.shop.index.version),
        }

    def _order(
        self, wish: SearchRequest, found: "Found", intent: Mapping[str, Any] | None
    ) -> "_Order":
        if wish.user_id is None or not found.hits:
            return _Order([(hit, hit.score, {}) for hit in found.hits])
        ids = [hit.item_id for hit in found.hits]
        asked = RecommendRequest(
            user_id=wish.user_id,
            surface="search",
            candidate_item_ids=ids,
            query_intent=None if intent is None else str(intent["intent"]),
        )
        said = self.recommend(asked)
        if said is None:
            return _Order([(hit, hit.score, {}) for hit in found.hits], is_degraded=True)
        return _personal(found.hits, said, self.shop.knobs.personal_weight)

    def _told(
        self,
        wish: SearchRequest,
        found: "Found",
        order: "_Order",
        intent: Mapping[str, Any] | None,
    ) -> Answer:
        answer: Answer = {
            "items": [self._item(wish, found, *one) for one in order.hits[: wish.k]],
            "query": wish.query,
            "corrected_query": found.corrected_query,
            "read_filters": [asdict(one) for one in found.read],
            "preferences": [asdict(one) for one in found.preferences],
            "rescue": [asdict(step) for step in found.steps],
            "user_id": wish.user_id,
            "fallback": order.fallback,
            "is_degraded": order.is_degraded,
            "recommender_request_id": order.request_id,
            "index_version": self.shop.index.version,
            **_signed(self.shop.index.version),
        }
        if wish.explain:
            answer["searched_for"] = found.text
            answer["dropped"] = order.dropped
        if intent is not None:
            answer["intent"] = intent
        return answer

    def _item(
        self,
        wish: SearchRequest,
        found: "Found",
        hit: "Hit",
        score: float,
        shares: Mapping[str, float],
    ) -> Answer:
        words = found.words[hit.item_id]
        parts: Answer = {
            "lexical_score": round(hit.lexical_score, DIGITS),
            "lexical_rank": hit.lexical_rank,
            "dense_score": round(hit.dense_score, DIGITS),
            "dense_rank": hit.dense_rank,
            "words": list(words),
            **{name: round(share, DIGITS) for name, share in shares.items()},
        }
        if hit.cross_score is not None:
            parts["cross_score"] = round(hit.cross_score, DIGITS)
        if wish.explain:
            asked = self.shop.words_of(found.text)
            parts["missing_words"] = [word for word in asked if word not in words]
        return {
            "item_id": hit.item_id,
            "title": hit.title,
            "score": round(score, DIGITS),
            "parts": parts,
        }


@dataclass(frozen=True)
class _Order:
    """Hits best first, each with its score and, for one shopper, what this is made of."""

    hits: "list[tuple[Hit, float, dict[str, float]]]"
    fallback: str | None = None
    is_degraded: bool = False
    request_id: str | None = None  # of the recommender's decision
    dropped: Sequence[Mapping[str, str]] = ()


def _personal(hits: "Sequence[Hit]", said: Mapping[str, Any], weight: float) -> _Order:
    """The shopper's order: a stranger's is that of relevance, and dropped stays dropped."""
    from training.shop_search.model import personal_order

    reasons = (UNKNOWN_ITEM, BEYOND_K)  # no rule: never sold, so the ranker has nothing to say
    dropped = [one for one in said["dropped"] or () if one["reason"] not in reasons]
    out = {one["item_id"] for one in dropped}
    kept = [hit for hit in hits if hit.item_id not in out]
    is_stranger = said["fallback"] is not None
    scores = {} if is_stranger else {one["item_id"]: one["score"] for one in said["items"]}
    return _Order(
        personal_order(kept, scores, weight),
        fallback=said["fallback"],
        is_degraded=bool(said["is_degraded"]),
        request_id=str(said["request_id"]),
        dropped=dropped,
    )


def search_once(settings: Settings, request: Mapping[str, object]) -> Answer:
    """Open what a server would, and give one answer: ``counterfoil search``.

    ``request`` is one V1 instance; the result is one V1 prediction.
    """
    try:
        wish = parse_instance(dict(request), SearchRequest, path="")
    except RequestError as error:
        raise _refused(error) from None
    from serving.search import open_searcher  # KServe and torch

    try:
        searcher = open_searcher(settings, for_user=wish.user_id is not None)
        return searcher.answers([wish])[0]
    except RequestError as error:
        raise _refused(error) from None


def _refused(error: RequestError) -> CounterfoilError:
    field, _, sentence = str(error).removeprefix("instances[0].").partition(": ")
    return InputError(
        "the search cannot be used",
        where=field,
        why=sentence,
        next_step="counterfoil search --help",
    )


@contextmanager
def _refused_at(place: str) -> Iterator[None]:
    """What the index cannot be asked, as a sentence about a place of the request."""
    try:
        yield
    except InputError as error:
        told = [part for part in (error.what, error.why, error.next_step) if part]
        raise RequestError(f"{place}: {'; '.join(told)}") from None


def _signed(version: str) -> Answer:
    return {"model_name": NAME, "model_version": version, "request_id": uuid.uuid4().hex}


def _filters(given: SearchFilters | None) -> "Filters":
    from training.text_search.model import NO_FILTERS, Filters  # torch: seconds

    if given is None:
        return NO_FILTERS
    attributes = given.attributes or {}
    return Filters(
        categories=tuple(given.category or ()),
        brands=tuple(given.brand or ()),
        price=None if given.price is None else _between(given.price),
        is_in_stock=given.in_stock,
        attributes={k: _between(v) if isinstance(v, Range) else v for k, v in attributes.items()},
    )


def _between(one: Range) -> "Between":
    from training.text_search.model import Between

    low, high = one.low, one.high
    return Between(float("-inf") if low is None else low, float("inf") if high is None else high)
