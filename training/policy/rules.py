"""Rules that drop items from a ranked list, each with one reason code.

Pure numpy. An item that breaks several rules carries the code of the first in :data:`REASONS`, so
that the same request always gives the same reason.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from training.policy.config import SurfacePolicy
from training.policy.fatigue import Impressions, fatigue

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

UNKNOWN_ITEM = "unknown_item"  # given by id, but not in the model's catalogue
BEYOND_K = "beyond_k"  # given by id and ranked, but more were given than asked for
RULES = (
    "excluded",  # the request names it in its exclusion list
    "out_of_stock",  # the request or the store says that there is none
    "in_basket",  # it lies in the basket already
    "already_bought",  # bought within the surface's weeks
    "already_seen",  # the request says that it was shown already
    "seen_without_click",  # shown so often, unclicked, that it rests
    "category_cap",  # enough of its category stand above it
)
REASONS = (UNKNOWN_ITEM, *RULES, BEYOND_K)


def _no_items() -> Ints:
    return np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class Circumstances:
    """What holds for one request, in item codes; everything may be empty."""

    excluded: Ints = field(default_factory=_no_items)
    unavailable: Ints = field(default_factory=_no_items)
    basket: Ints = field(default_factory=_no_items)
    bought: Ints = field(default_factory=_no_items)
    bought_weeks_ago: Doubles = field(default_factory=lambda: np.empty(0))
    seen: Ints = field(default_factory=_no_items)
    impressions: Impressions = field(default_factory=Impressions)


def broken_rules(
    items: Ints, categories: Ints, holds: Circumstances, policy: SurfacePolicy
) -> Ints:
    """Per ranked item the place in :data:`RULES` of the first rule it breaks; -1 for none.

    The cap counts only what the other rules leave, best ranked first.
    """
    broken = np.full(len(items), -1, dtype=np.int32)
    for rule, hidden in _hidden(holds, policy).items():
        if len(hidden):
            breaks = (broken < 0) & np.isin(items, hidden)
            broken[breaks] = RULES.index(rule)
    if policy.category_cap:
        level = min(policy.category_level, categories.shape[1] - 1)
        left = np.flatnonzero(broken < 0)
        over = _over_cap(categories[left, level], policy.category_cap)
        broken[left[over]] = RULES.index("category_cap")
    return broken


def _hidden(holds: Circumstances, policy: SurfacePolicy) -> dict[str, Ints]:
    """Per rule, in order of precedence, the items that it hides."""
    lately = holds.bought_weeks_ago < policy.hide_bought_weeks
    rests = fatigue(holds.impressions, half_life_days=policy.fatigue_half_life_days)
    return {
        "excluded": holds.excluded,
        "out_of_stock": holds.unavailable,
        "in_basket": holds.basket if policy.hide_basket else _no_items(),
        "already_bought": holds.bought[lately],
        "already_seen": holds.seen if policy.hide_seen else _no_items(),
        "seen_without_click": rests.at_least(policy.fatigue_threshold),
    }


def _over_cap(categories: Ints, cap: int) -> Bools:
    """True where ``cap`` items of the same category stand above."""
    in_groups = np.argsort(categories, kind="stable")
    grouped = categories[in_groups]
    first = np.searchsorted(grouped, grouped, side="left")
    over = np.empty(len(categories), dtype=np.bool_)
    over[in_groups] = np.arange(len(categories)) - first >= cap
    return over
