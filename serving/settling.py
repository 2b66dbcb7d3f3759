"""After ranking, for one wish: what the request and the store say goes to the surface's policy.

Ids become catalogue codes on the way in; what was dropped, drawn and by which knobs comes out, for
the answer and for the record from which it can be replayed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from serving.ports import FeatureMatrix
from serving.schemas import DroppedItem
from serving.wish import RecommendRequest
from training.policy.model import (
    BEYOND_K,
    UNKNOWN_ITEM,
    Circumstances,
    Impressions,
    Outcome,
    SurfacePolicy,
    apply_policy,
)

if TYPE_CHECKING:
    from training.recommender.model import Candidates, Ranking, Recommender

Codes = npt.NDArray[np.int32]
ON_HAND = "item__on_hand_last_28d"  # missing where the shop has not counted the item lately
STOCK_ON = f"on: {ON_HAND} of the store, and what the request says is unavailable"
STOCK_OFF = f"off: the store knows {ON_HAND} of no candidate; only what the request says"


@dataclass(frozen=True)
class Settled:
    """``shown`` are places in the ranking, in the order of the answer."""

    shown: list[int]
    explored: int | None  # the place in ``shown`` that was drawn
    propensity: float | None
    dropped: list[DroppedItem]
    unknown_item_ids: list[str]
    record: dict[str, object]


def settle(
    wish: RecommendRequest,
    candidates: "Candidates",
    ranking: "Ranking",
    read: FeatureMatrix,
    *,
    recommender: "Recommender",
    policy: SurfacePolicy,
    request_id: str,
) -> Settled:
    """What is shown of a ranking; ``read`` are the candidates' features."""
    stock, out = _stock(candidates, read)
    outcome = apply_policy(
        recommender.ranked(ranking),
        _circumstances(wish, candidates, out, recommender),
        policy,
        k=wish.wanted,
        request_id=request_id,
    )
    codes = recommender.codes_of(wish.about).tolist()
    unknown = [item_id for item_id, code in zip(wish.about, codes, strict=True) if code < 0]
    dropped = _dropped(ranking, outcome)
    if wish.surface == "search":
        below = [ranking.item_ids[place] for place in outcome.kept[wish.wanted :].tolist()]
        dropped = [*_coded(unknown, UNKNOWN_ITEM), *dropped, *_coded(below, BEYOND_K)]
    return Settled(
        shown=outcome.kept[: wish.wanted].tolist(),
        explored=outcome.explored,
        propensity=outcome.propensity,
        dropped=dropped,
        unknown_item_ids=[] if wish.surface == "search" else unknown,
        record={
            "surface": wish.surface,
            "digest": policy.digest,
            "knobs": policy.knobs,
            "availability": stock,
            "dropped": [item.model_dump() for item in dropped],
            "exploration": _draw(ranking, outcome),
            "shown": _shown(ranking, outcome, wish.wanted),
        },
    )


def _circumstances(
    wish: RecommendRequest, candidates: "Candidates", out: Codes, recommender: "Recommender"
) -> Circumstances:
    own = candidates.shopper.habits if candidates.shopper else None
    none = Circumstances()
    looked_at = (wish.item_id,) if wish.item_id else ()  # never beside itself, linked or not
    return Circumstances(
        excluded=recommender.codes_of((*(wish.exclude_item_ids or ()), *looked_at)),
        unavailable=np.append(out, recommender.codes_of(wish.unavailable_item_ids or ())),
        basket=recommender.codes_of(wish.basket_item_ids or ()),
        bought=own.items if own else none.bought,
        bought_weeks_ago=own.columns["weeks_since_last"] if own else none.bought_weeks_ago,
        seen=recommender.codes_of(wish.seen_item_ids or ()),
        impressions=_impressions(wish, recommender),
    )


def _impressions(wish: RecommendRequest, recommender: "Recommender") -> Impressions:
    shown = wish.impressions or []
    return Impressions(
        item=recommender.codes_of([one.item_id for one in shown]),
        count=np.array([one.count for one in shown], dtype=np.float64),
        days_ago=np.array([one.days_ago for one in shown], dtype=np.float64),
    )


def _stock(candidates: "Candidates", read: FeatureMatrix) -> tuple[str, Codes]:
    """Whether the store knows the stock, in a sentence, and what it has none of."""
    names = [column.name for column in read.columns]
    if ON_HAND not in names:  # a model of an older service
        return STOCK_OFF, np.empty(0, dtype=np.int32)
    column = names.index(ON_HAND)
    is_known = ~read.missing[:, column]
    is_out = is_known & (read.values[:, column] <= 0)
    return STOCK_ON if is_known.any() else STOCK_OFF, candidates.items[is_out]


def _dropped(ranking: "Ranking", outcome: Outcome) -> list[DroppedItem]:
    return [
        DroppedItem(item_id=ranking.item_ids[place], reason=reason)
        for place, reason in zip(outcome.dropped.tolist(), outcome.reasons, strict=True)
    ]


def _coded(item_ids: list[str], reason: str) -> list[DroppedItem]:
    return [DroppedItem(item_id=item_id, reason=reason) for item_id in item_ids]


def _draw(ranking: "Ranking", outcome: Outcome) -> dict[str, object] | None:
    if outcome.explored is None:
        return None
    place = int(outcome.kept[outcome.explored])
    return {
        "item_id": ranking.item_ids[place],
        "place": outcome.explored + 1,
        "propensity": outcome.propensity,
    }


def _shown(ranking: "Ranking", outcome: Outcome, count: int) -> list[dict[str, object]]:
    """The items shown with the rank each had, and whether diversity moved it."""
    moved = outcome.is_moved.tolist()
    return [
        {"item_id": ranking.item_ids[place], "rank": place + 1, "is_moved": moved[number]}
        for number, place in enumerate(outcome.kept[:count].tolist())
    ]
