"""The next basket of the shop in COUNTERFOIL_HOME: the recommender, its retrievers, its floors.

Fitted on what was known before the test window and judged by raw orders within it, as
``counterfoil evaluate recommender`` does; beside it each retriever alone, in the same run.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from flows.steps.train import features_at, fit, shop_data
from governance.settings import get_settings
from training.evaluate import floors, predict_at
from training.metrics import ndcg_at_k, recall_at_k, top_k
from training.recommender.model import DEFAULT_LIMIT, RETRIEVERS, Recommender
from training.recommender.signals import scores_of, shopper_of
from training.shop_data import Ints, ShopData
from training.single_target import bootstrap
from training.windows import Targets, Window, first_baskets

_KEPT = 50  # of a retriever alone; the metrics look at ten


def measure_baskets() -> tuple[str, dict[str, Any]]:
    """The shop's name and its figures."""
    settings = get_settings()
    data = shop_data(settings)
    fitted = fit(settings, data, lambda line: sys.stderr.write(f"{line}\n"))
    window = fitted.calendar.test
    targets = first_baskets(data.judge, window)
    recommender = fitted.at(data, window.cutoff)
    predictions = predict_at(
        data,
        recommender,
        targets.users,
        window=window,
        historical_features=features_at(settings),
        limit=DEFAULT_LIMIT,
    )
    figures = {
        "protocol": _described(data, targets, window),
        "floors": floors(data, targets, window),
        "fused": _judged([prediction.items for prediction in predictions], targets),
    }
    return settings.shop, figures | _alone(recommender, targets)


def _alone(recommender: Recommender, targets: Targets) -> dict[str, Any]:
    """Each retriever over the whole catalogue; a user unknown at the cutoff gets nothing."""
    memory = recommender.memory
    rankings: dict[str, list[Ints]] = {name: [] for name in RETRIEVERS}
    for user in targets.users:
        shopper = shopper_of(memory, int(user))
        known = len(shopper.bought.item) > 0
        scores = scores_of(memory, shopper) if known else {}
        for name in RETRIEVERS:
            ranked = top_k(scores[name], _KEPT) if known else np.empty(0, dtype=np.int32)
            rankings[name].append(ranked)
    return {name: _judged(ranked, targets) for name, ranked in rankings.items()}


def _judged(rankings: Sequence[Ints], targets: Targets) -> dict[str, Any]:
    """NDCG, share of users with a hit, and recall at 10, each with its interval over users."""
    wanted = [targets.of(place) for place in range(len(targets.users))]
    pairs = list(zip(rankings, wanted, strict=True))
    values = {
        "ndcg_at_10": [ndcg_at_k(ranked, basket, 10) for ranked, basket in pairs],
        "hr_at_10": [float(np.isin(ranked[:10], basket).any()) for ranked, basket in pairs],
        "recall_at_10": [recall_at_k(ranked, basket, 10) for ranked, basket in pairs],
    }
    figures: dict[str, Any] = {}
    for name, found in values.items():
        interval = bootstrap(np.array(found), targets.users)
        figures[name] = round(interval.mean, 5)
        figures[f"{name}_interval"] = [round(interval.low, 5), round(interval.high, 5)]
    return figures


def _described(data: ShopData, targets: Targets, window: Window) -> dict[str, Any]:
    return {
        "name": "baskets",
        "items": len(data.item_ids),
        "users": len(targets.users),
        "mean_basket_items": round(len(targets.items) / max(len(targets.users), 1), 2),
        "cutoff": window.cutoff.isoformat(),
        "ends_at": window.ends_at.isoformat(),
    }
