"""The core: wishes in, decided answers out, the same for KServe and the command line.

Pure but for the reader it is given: no clock, no files, no framework. Candidates of all wishes are
found first, so that the users of a batch take one feature read and their candidates another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from governance.errors import InputError
from governance.receipts import Decided, Evidence, Identity
from governance.settings import Settings
from serving.ports import FeatureMatrix
from serving.reading import Features, Matrix
from serving.schemas import (
    Fallback,
    Recommendation,
    RecommendedItem,
    RequestError,
    parse_instance,
)
from serving.settling import Settled, settle
from serving.wish import INTENTS, RecommendRequest

if TYPE_CHECKING:
    from training.policy.model import SurfacePolicy
    from training.recommender.model import Candidates, Ranking, Recommender

CANDIDATES = 200  # what the ranker was judged with; more found 1 % more and ranked no better
CANDIDATES_PER_ITEM = 4  # retrievers overlap: 100 items need more than 200 candidates
_LAST_INTENT = frozenset(f"user__search_{intent}_last" for intent in INTENTS)
SCORE_DIGITS = 6  # float32 scores have seven; the rest is noise between machines

ReadFeatures = Callable[..., Features]


def recommend(
    requests: Sequence[RecommendRequest],
    *,
    recommender: "Recommender",
    read_features: ReadFeatures,
    identity: Identity,
    policies: "Mapping[str, SurfacePolicy]",
    requested_at: datetime,
    new_id: Callable[[], str],
) -> list[Decided]:
    """One decided answer per wish, in order; reads each entity's features once."""
    found = [
        recommender.candidates(
            wish.user_id,
            surface=wish.surface,
            limit=max(CANDIDATES, CANDIDATES_PER_ITEM * wish.k),
            about=wish.about,
        )
        for wish in requests
    ]
    features = read_features(
        user_ids=list(dict.fromkeys(wish.user_id for wish in requests)),
        item_ids=list(dict.fromkeys(item for candidates in found for item in candidates.item_ids)),
    )
    return [
        _decide(
            wish,
            candidates,
            _rows_of(features, wish, candidates),
            recommender=recommender,
            identity=identity,
            policy=policies[wish.surface],
            requested_at=requested_at,
            request_id=new_id(),
        )
        for wish, candidates in zip(requests, found, strict=True)
    ]


def predict_once(settings: Settings, request: dict[str, object]) -> dict[str, object]:
    """Load the champion, give one answer and record it: ``counterfoil predict``.

    ``request`` is one V1 instance; the result is one V1 prediction.
    """
    from serving.predictor import load_predictor, now  # torch and Feast

    try:
        wish = parse_instance(request, RecommendRequest, path="")
    except RequestError as error:
        field, _, sentence = str(error).partition(": ")
        raise InputError(
            "the request cannot be used",
            where=field,
            why=sentence,
            next_step="counterfoil predict --help",
        ) from None
    return load_predictor(settings).answer([wish], requested_at=now())[0]


@dataclass(frozen=True)
class Rows:
    """The part of a batch's features that belongs to one wish."""

    user: FeatureMatrix
    items: FeatureMatrix
    is_degraded: bool


def _rows_of(features: Features, wish: RecommendRequest, candidates: "Candidates") -> Rows:
    place = {item: row for row, item in enumerate(features.item_ids)}
    user_row = features.user_ids.index(wish.user_id)
    return Rows(
        user=_part(features.users, [user_row]),
        items=_part(features.items, [place[item] for item in candidates.item_ids]),
        is_degraded=features.is_degraded,
    )


def _part(matrix: FeatureMatrix, rows: list[int]) -> FeatureMatrix:
    return Matrix(matrix.values[rows], matrix.missing[rows], matrix.columns, matrix.read_at)


def _decide(
    wish: RecommendRequest,
    candidates: "Candidates",
    rows: Rows,
    *,
    recommender: "Recommender",
    identity: Identity,
    policy: "SurfacePolicy",
    requested_at: datetime,
    request_id: str,
) -> Decided:
    user = with_intent(rows.user, wish.query_intent)
    ranking = recommender.rank(candidates, user, rows.items, signal_weight=policy.signal_weight)
    settled = settle(
        wish,
        candidates,
        ranking,
        rows.items,
        recommender=recommender,
        policy=policy,
        request_id=request_id,
    )
    answer = Recommendation(
        request_id=request_id,
        user_id=wish.user_id,
        surface=wish.surface,
        items=_items(ranking, settled, recommender),
        model_name=identity.name,
        model_version=identity.version,
        feature_service=identity.feature_service,
        fallback=_fallback(wish, candidates),
        is_degraded=rows.is_degraded,
        dropped=settled.dropped if wish.explain or wish.surface == "search" else None,
        unknown_item_ids=settled.unknown_item_ids or None,
    )
    return Decided(
        identity=identity,
        requested_at=requested_at,
        request=wish.as_recorded(),
        answer=answer.as_answer(),
        evidence=_evidence(candidates, rows, settled),
    )


def with_intent(user: FeatureMatrix, intent: str | None) -> FeatureMatrix:
    """The user's features with the intent of the query just typed as that of their last one.

    For the ranker alone: a decision records what the store gave, and the request what was typed.
    """
    if intent is None:
        return user
    values, missing = user.values.copy(), user.missing.copy()
    for place, column in enumerate(user.columns):
        if column.name in _LAST_INTENT:
            values[:, place] = float(column.name == f"user__search_{intent}_last")
            missing[:, place] = False
    return Matrix(values, missing, user.columns, user.read_at)


def _fallback(wish: RecommendRequest, candidates: "Candidates") -> Fallback | None:
    """What the answer had to do without: the user, what goes with the items, or both."""
    is_new_item = bool(wish.about) and (candidates.start is None or candidates.start.is_new)
    if candidates.is_cold_start:
        return "new_user_and_item" if is_new_item else "cold_start"
    return "new_item" if is_new_item else None


def _items(
    ranking: "Ranking", settled: Settled, recommender: "Recommender"
) -> list[RecommendedItem]:
    return [
        RecommendedItem(
            item_id=ranking.item_ids[place],
            title=recommender.title(ranking.item_ids[place]),
            score=round(float(ranking.scores[place]), SCORE_DIGITS),
            retriever=ranking.retrievers[place],
            reasons=list(ranking.reasons[place])[:3],
            confidence=_confidence(ranking, place),
            propensity=settled.propensity if number == settled.explored else None,
        )
        for number, place in enumerate(settled.shown)
    ]


def _confidence(ranking: "Ranking", place: int) -> float | None:
    known = ranking.confidences
    return round(known[place], SCORE_DIGITS) if known else None


def _evidence(candidates: "Candidates", rows: Rows, settled: Settled) -> Evidence:
    return Evidence(
        candidates=[
            {"item_id": item_id, "scores": _scores(candidates, i)}
            for i, item_id in enumerate(candidates.item_ids)
        ],
        user_columns=[column.name for column in rows.user.columns],
        user_values=_known(rows.user)[0],
        item_columns=[column.name for column in rows.items.columns],
        item_values=dict(zip(candidates.item_ids, _known(rows.items), strict=True)),
        user_read_at=rows.user.read_at,
        item_read_at=rows.items.read_at,
        policy=settled.record,
    )


def _scores(candidates: "Candidates", row: int) -> dict[str, float]:
    found = {name: float(scores[row]) for name, scores in candidates.scores.items()}
    return {name: score for name, score in found.items() if np.isfinite(score)}


def _known(matrix: FeatureMatrix) -> list[list[float | None]]:
    """Values as the store had them; None where it had none."""
    known = matrix.values.astype(object)
    known[matrix.missing | ~np.isfinite(matrix.values)] = None
    rows: list[list[float | None]] = known.tolist()
    return rows
