"""Measure a recommender against the floors, on baskets that real orders judge.

Everything is fitted from what was known at the cutoff; simulated rows never judge. The floors are
computed from the same lines and judged by the same baskets in the same run. The command is
``counterfoil evaluate recommender``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.calibration.measure import calibration_figures
from training.metrics import (
    WEEKLY_DECAY,
    mean_metrics,
    rank_by_frequency,
    rank_by_popularity,
    top_k,
)
from training.recommender.history import remember
from training.recommender.model import Candidates, Recommender
from training.recommender.neighbours import NeighboursConfig, fit_neighbours
from training.shop_data import Ints, Lines, ShopData
from training.training_set import (
    SERVICE,
    HistoricalFeatures,
    columns_of,
    feature_columns,
    join_features,
)
from training.windows import Targets, Window, first_baskets, microseconds

Metrics = dict[str, float]
_LIST = 10


@dataclass(frozen=True)
class Values:
    """Feature values of n entities in service order."""

    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """The full ranking of one user's candidates with the scores that made it."""

    user_id: str
    items: Ints
    scores: npt.NDArray[np.float64]
    confidences: tuple[float, ...] | None = None  # None: a cold start, or not calibrated

    def judged_by(self, basket: Ints) -> Ints:
        """Items best first; of equal scores the basket's stand last: ties count against us."""
        return self.items[np.lexsort((np.isin(self.items, basket), -self.scores))]


def evaluate_recommender(
    data: ShopData,
    recommender: Recommender,
    *,
    window: Window,
    historical_features: HistoricalFeatures,
    limit: int,
) -> dict[str, object]:
    """NDCG@10 and recall@10 of the recommender and of the floors over the window's baskets.

    ``recommender`` must know nothing of the window: it is the one that stood at its cutoff.
    """
    targets = first_baskets(data.judge, window)
    predictions = predict_at(
        data,
        recommender,
        targets.users,
        window=window,
        historical_features=historical_features,
        limit=limit,
    )
    rankings = [found.judged_by(targets.of(place)) for place, found in enumerate(predictions)]
    found = [np.isin(targets.of(i), r).mean() for i, r in enumerate(rankings)]
    calibrated = calibration_of(predictions, targets)
    return {
        "recommender": mean_metrics(rankings, targets),
        "floors": floors(data, targets, window),
        "households": len(targets.users),
        "mean_basket_items": len(targets.items) / max(len(targets.users), 1),
        "candidates_recall": float(np.mean(found)) if found else 0.0,
        "cutoff": window.cutoff.isoformat(),
        "ends_at": window.ends_at.isoformat(),
    } | ({} if calibrated is None else {"calibration": calibrated})


def calibration_of(predictions: Sequence[Prediction], targets: Targets) -> dict[str, object] | None:
    """How far the confidences are from the window's baskets; None where there are none."""
    sure = [(i, p) for i, p in enumerate(predictions) if p.confidences is not None]
    if not sure:
        return None
    return calibration_figures(
        np.concatenate([np.array(p.confidences) for _, p in sure]),
        np.concatenate([p.scores for _, p in sure]),
        np.concatenate([np.isin(p.items, targets.of(i)) for i, p in sure]),
        sizes=np.array([len(p.items) for _, p in sure], dtype=np.int64),
        seed=0,  # of the interval's draws
    )


def floors(data: ShopData, targets: Targets, window: Window) -> dict[str, Metrics]:
    """Popularity, personal frequency, one that fades by week, and what similar users buy."""
    rankings = floor_rankings(data, targets.users, window)
    return {name: mean_metrics(ranked, targets) for name, ranked in rankings.items()}


def floor_rankings(data: ShopData, users: Ints, window: Window) -> dict[str, list[Ints]]:
    """The ten items of each floor for each user, from what was known at the cutoff."""
    cutoff_us = microseconds(window.cutoff)
    lines, count = data.lines.before(cutoff_us), len(data.item_ids)
    return {
        "popularity": rank_by_popularity(lines, users, item_count=count),
        "personal_frequency": rank_by_frequency(
            lines, users, item_count=count, cutoff_us=cutoff_us
        ),
        "personal_frequency_decayed": rank_by_frequency(
            lines, users, item_count=count, cutoff_us=cutoff_us, decay=WEEKLY_DECAY
        ),
        "neighbours": _rank_by_neighbours(data, lines, users, cutoff_us),
    }


def _rank_by_neighbours(data: ShopData, lines: Lines, users: Ints, cutoff_us: int) -> list[Ints]:
    """What users with similar baskets buy; nothing for a user without any."""
    history = remember(lines, user_count=len(data.user_ids), cutoff_us=cutoff_us)
    count = len(data.item_ids)
    neighbours = fit_neighbours(history, count, NeighboursConfig())  # a floor has no other knobs
    rankings = []
    for user in users:
        scores = neighbours.scores(int(user), count)
        bought = np.flatnonzero(scores > 0)
        rankings.append(bought[top_k(scores[bought], _LIST)].astype(np.int32))
    return rankings


def predict_at(
    data: ShopData,
    recommender: Recommender,
    users: Ints,
    *,
    window: Window,
    historical_features: HistoricalFeatures,
    limit: int,
) -> list[Prediction]:
    """Rank for each user with features as known at the window's cutoff, as serving would."""
    found = [recommender.candidates(str(data.user_ids[u]), limit=limit) for u in users]
    user_values, item_values = _features_of(found, window, historical_features)
    sizes = np.cumsum([0, *(len(candidates.items) for candidates in found)])
    predictions = []
    for place, candidates in enumerate(found):
        rows = slice(int(sizes[place]), int(sizes[place + 1]))
        scores = recommender.score(
            candidates, Values(user_values[rows][:1]), Values(item_values[rows])
        )
        order = np.lexsort((candidates.items, -scores))
        best_first = scores[order]
        sure = recommender.confidences(candidates, best_first)
        predictions.append(
            Prediction(candidates.user_id, candidates.items[order], best_first, sure)
        )
    return predictions


def _features_of(
    found: Sequence[Candidates], window: Window, historical_features: HistoricalFeatures
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(rows, user columns) and (rows, item columns) of all candidates, one row per candidate."""
    rows = [(c.user_id, item) for c in found for item in c.item_ids]
    at = np.full(len(rows), microseconds(window.cutoff))
    keys = pa.table(
        {
            "user_id": pa.array([user for user, _ in rows], pa.string()),
            "item_id": pa.array([item for _, item in rows], pa.string()),
            "event_timestamp": pa.array(at, pa.timestamp("us")),
        }
    )
    joined = join_features(keys, historical_features)
    columns = feature_columns(SERVICE)
    of_user, of_item = (
        columns_of(joined, [column.name for column in columns if column.entity == entity])
        for entity in ("user_id", "item_id")
    )
    return of_user.astype(np.float64), of_item.astype(np.float64)
