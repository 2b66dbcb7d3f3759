"""From places and lists to figures: metrics with intervals, list quality, and for whom it holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from training.list_quality import item_groups, list_quality, user_groups
from training.single_target import bootstrap

Figures = dict[str, Any]
Values = np.ndarray
LIST = 10  # places of a list that quality looks at


@dataclass(frozen=True)
class Ground:
    """What lists are held against: who asks, how much is known of users and of items."""

    group: np.ndarray  # per request its user or session; the bootstrap draws these
    acts_before: np.ndarray  # per request: acts (or baskets) known of who asks
    counts: np.ndarray  # per item: acts that the models learned from
    likeness: sp.csr_array | np.ndarray  # per item a vector or a category code
    target_counts: np.ndarray | None = None  # per request: ``counts`` of its one target


def judged(values: Mapping[str, Values], lists: np.ndarray, ground: Ground) -> Figures:
    """``values``: per metric one number per request; ``lists`` (requests, LIST) item codes."""
    quality = list_quality(lists, ground.counts, likeness=ground.likeness, k=LIST)
    figures = means(values, ground.group) | {
        f"coverage_at_{LIST}": round(quality.coverage, 5),
        "novelty": round(quality.novelty, 3),
        "diversity": round(quality.diversity, 4),
        "tail_share": round(quality.tail_share, 4),
        "by_user": _by_group(values, ground.group, user_groups(ground.acts_before)),
    }
    if ground.target_counts is not None:
        by_item = _by_group(values, ground.group, item_groups(ground.target_counts))
        figures["by_item"] = by_item
    return figures


def above(ours: Mapping[str, Values], floor: Mapping[str, Values], group: np.ndarray) -> Figures:
    """Per metric the paired difference to a floor; ``is_clear`` where its interval is above 0."""
    figures: Figures = {}
    for name, values in ours.items():
        found = bootstrap(values - floor[name], group)
        figures[name] = {
            "difference": round(found.mean, 5),
            "interval": [round(found.low, 5), round(found.high, 5)],
            "is_clear": found.low > 0,
        }
    return figures


def means(values: Mapping[str, Values], group: np.ndarray) -> Figures:
    """Each metric, and under ``interval`` its 95 % bootstrap over users or sessions."""
    found = {name: bootstrap(per_request, group) for name, per_request in values.items()}
    means: Figures = {name: round(one.mean, 5) for name, one in found.items()}
    interval = {name: [round(one.low, 5), round(one.high, 5)] for name, one in found.items()}
    return means | {"interval": interval}


def _by_group(
    values: Mapping[str, Values], group: np.ndarray, groups: Mapping[str, np.ndarray]
) -> Figures:
    figures: Figures = {}
    for name, chosen in groups.items():
        inside = {metric: per_request[chosen] for metric, per_request in values.items()}
        figures[name] = {"requests": int(chosen.sum())}
        if chosen.any():
            figures[name] |= means(inside, group[chosen])
    return figures
