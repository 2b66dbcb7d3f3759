"""The next basket of a shop: the product's recommender, other fusions, retrievers, and the floors.

Fitted on what was known before the cutoff and judged by raw orders after it, as ``counterfoil
evaluate recommender`` does; every difference to a floor with its paired interval, in the same run.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from recommenders_baskets_fusions import fused_rankings
from recommenders_figures import LIST, Figures, Ground, above, judged
from recommenders_shops import calendar_of

from flows.steps.train import features_at, shop_data, training_config
from governance.settings import Settings
from training.content.train import title_vectors
from training.evaluate import floor_rankings, predict_at
from training.list_quality import item_groups
from training.metrics import ndcg_at_k, popularity, recall_at_k, top_k
from training.recommender.model import DEFAULT_LIMIT, Recommender
from training.recommender.proposals import RETRIEVERS
from training.recommender.signals import scores_of, shopper_of
from training.recommender.train import TrainingConfig, train_recommender
from training.retrievers import NO_ITEM
from training.shop_data import Floats, Ints, ShopData
from training.windows import Calendar, Targets, Window, first_baskets, microseconds

Rankings = Sequence[Ints]


def measure_baskets(settings: Settings, *, cutoff: str | None, quick: bool) -> Figures:
    """The figures of the shop in the settings' home."""
    data = shop_data(settings)
    calendar = calendar_of(data.lines, cutoff)
    config = training_config(settings)
    if quick:
        calendar, config = _rough(calendar, config)
    started = time.monotonic()
    fitted = train_recommender(
        data,
        calendar=calendar,
        config=config,
        historical_features=features_at(settings),
        inputs={},
        progress=lambda line: sys.stderr.write(f"  {line}\n"),
    )
    window, trained = calendar.test, time.monotonic()
    targets = first_baskets(data.judge, window)
    recommender = fitted.at(data, window.cutoff)
    remembered = time.monotonic()
    predictions = predict_at(
        data,
        recommender,
        targets.users,
        window=window,
        historical_features=features_at(settings),
        limit=DEFAULT_LIMIT,
    )
    answered = time.monotonic()
    rankings = {
        "fused": [found.judged_by(targets.of(place)) for place, found in enumerate(predictions)],
        **fused_rankings(fitted, recommender, targets),
        **_alone(recommender, targets),
    }
    figures = _figures(data, recommender, targets, window, rankings)
    figures["fused"] |= {
        "fit_seconds": round(trained - started, 1),
        "memory_seconds": round(remembered - trained, 1),
        "users_per_second": round(len(targets.users) / max(answered - remembered, 1e-9), 1),
    }
    return {"protocol": _described(data, targets, calendar)} | figures


def _rough(calendar: Calendar, config: TrainingConfig) -> tuple[Calendar, TrainingConfig]:
    """One training window, one epoch, a third of the trees, and no deep ranker beside them."""
    sasrec = replace(config.sasrec_training, epochs=1)
    ranker = replace(config.ranker, trees=100)
    release = replace(config.release, ranker="lightgbm")
    rough = replace(config, sasrec_training=sasrec, ranker=ranker, release=release)
    return replace(calendar, train_windows=1), rough


def _figures(
    data: ShopData,
    recommender: Recommender,
    targets: Targets,
    window: Window,
    rankings: dict[str, Rankings],
) -> Figures:
    ground = _ground(data, recommender, targets, window)
    found_floors = floor_rankings(data, targets.users, window)
    values = {name: _values(ranked, targets) for name, ranked in rankings.items()}
    floor_values = {name: _values(ranked, targets) for name, ranked in found_floors.items()}
    figures: Figures = {
        "floors": {
            name: _judge(found_floors[name], floor_values[name], targets, ground)
            for name in found_floors
        }
    }
    for name, ranked in rankings.items():
        figures[name] = _judge(ranked, values[name], targets, ground)
    figures["fused"]["above_floors"] = {
        name: above(values["fused"], floor, ground.group) for name, floor in floor_values.items()
    }
    shown = {name: figures[name]["ndcg_at_10"] for name in rankings}
    floors_shown = {name: figures["floors"][name]["ndcg_at_10"] for name in found_floors}
    sys.stderr.write(f"ndcg_at_10: {shown}, floors: {floors_shown}\n")
    return figures


def _ground(data: ShopData, recommender: Recommender, targets: Targets, window: Window) -> Ground:
    """Items are alike by their finest category, or by title in a shop without categories."""
    known = data.lines.before(microseconds(window.cutoff))
    finest = data.categories[:, -1]
    history = recommender.memory.history
    return Ground(
        group=targets.users,
        acts_before=np.array([history.of(int(user)).basket_count for user in targets.users]),
        counts=popularity(known, len(data.item_ids)).astype(np.int64),
        likeness=finest if finest.max(initial=0) > 0 else title_vectors(data.titles),
    )


def _alone(recommender: Recommender, targets: Targets) -> dict[str, Rankings]:
    """Each retriever over the whole catalogue; a user unknown at the cutoff gets nothing."""
    memory = recommender.memory
    rankings: dict[str, list[Ints]] = {name: [] for name in RETRIEVERS}
    for place, user in enumerate(targets.users):
        shopper = shopper_of(memory, int(user))
        known = len(shopper.bought.item) > 0
        scores = scores_of(memory, shopper) if known else {}
        for name in RETRIEVERS:
            best = _best(scores[name], targets.of(place)) if known else np.empty(0, dtype=np.int32)
            rankings[name].append(best)
    return dict(rankings)


def _best(scores: Floats, basket: Ints) -> Ints:
    """The best items that have a score, ties against it; NaN is an item it does not know."""
    known = np.flatnonzero(~np.isnan(scores))
    relevant = np.flatnonzero(np.isin(known, basket))
    return known[top_k(scores[known], LIST, relevant)].astype(np.int32)


def _values(rankings: Rankings, targets: Targets) -> dict[str, np.ndarray]:
    """NDCG, whether there was a hit, and recall at 10, per user."""
    pairs = [(ranked, targets.of(place)) for place, ranked in enumerate(rankings)]
    return {
        "ndcg_at_10": np.array([ndcg_at_k(ranked, basket, 10) for ranked, basket in pairs]),
        "hr_at_10": np.array([float(np.isin(r[:10], basket).any()) for r, basket in pairs]),
        "recall_at_10": np.array([recall_at_k(ranked, basket, 10) for ranked, basket in pairs]),
    }


def _judge(
    rankings: Rankings, values: dict[str, np.ndarray], targets: Targets, ground: Ground
) -> Figures:
    lists = np.full((len(rankings), LIST), NO_ITEM, dtype=np.int32)
    for row, ranked in enumerate(rankings):
        lists[row, : len(ranked[:LIST])] = ranked[:LIST]
    return judged(values, lists, ground) | {"by_item": _by_item(lists, targets, ground)}


def _by_item(lists: np.ndarray, targets: Targets, ground: Ground) -> Figures:
    """Of the basket items that few or no baskets taught, the share that the lists hold."""
    owner = np.repeat(np.arange(len(targets.users)), np.diff(targets.starts))
    is_found = (lists[owner] == targets.items[:, None]).any(axis=1)
    return {
        name: {
            "targets": int(chosen.sum()),
            "recall_at_10": round(float(is_found[chosen].mean()), 5) if chosen.any() else 0.0,
        }
        for name, chosen in item_groups(ground.counts[targets.items]).items()
    }


def _described(data: ShopData, targets: Targets, calendar: Calendar) -> dict[str, Any]:
    return {
        "name": "baskets",
        "items": len(data.item_ids),
        "items_ranked": "all",
        "users": len(targets.users),
        "mean_basket_items": round(len(targets.items) / max(len(targets.users), 1), 2),
        "cutoff": calendar.test.cutoff.isoformat(),
        "ends_at": calendar.test.ends_at.isoformat(),
        "validation_from": calendar.validation.cutoff.isoformat(),
        "train_windows": len(calendar.train),
    }
