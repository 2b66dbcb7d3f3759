"""What the memory says of one user and any items: the ranker's retrieval columns.

Pure numpy. One function for training and serving, so a column means the same in both. Absent
knowledge is NaN where a number would mislead ("weeks since last" of an item never bought), else 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.covisitation.model import Covisitation
from training.recommender.assortment import Assortment, category_columns, item_columns
from training.recommender.history import (
    FADING,
    HABIT,
    RECENCY,
    Columns,
    Habits,
    History,
    Purchases,
    habits,
)
from training.recommender.needs import need_columns
from training.recommender.neighbours import Neighbours
from training.recommender.repeats import Repeats
from training.recommender.rhythm import rhythm
from training.sasrec.vectors import SasrecVectors
from training.shop_data import Floats, Ints

CATEGORY_DECAY = 0.95  # per week, of category strength
_NAN_WHEN_ABSENT = ("weeks_since", "baskets_since", "mean_", "gap_", "last_", "share_discounted")
_KIND_LEVELS = {"product_type": -1, "category": -2}  # from the finest category level


@dataclass(frozen=True)
class Memory:
    """Everything remembered at one instant that candidates are drawn and described from."""

    history: History
    covisitation: Covisitation
    neighbours: Neighbours
    sasrec: SasrecVectors
    stock: Assortment
    repeats: Repeats


@dataclass(frozen=True)
class Shopper:
    """One user with purchases: what they bought, and their habits."""

    user: int
    bought: Purchases
    habits: Habits


def shopper_of(memory: Memory, user: int) -> Shopper:
    """A user as the memory knows them; they must have a purchase."""
    bought = memory.history.of(user)
    return Shopper(user, bought, habits(bought))


def scores_of(memory: Memory, shopper: Shopper) -> dict[str, Floats]:
    """Per retriever one score for every item of the catalogue."""
    own = shopper.habits
    count = memory.stock.item_count
    habit = np.zeros(count, dtype=np.float32)
    habit[own.items] = own.columns[HABIT]
    strength = own.columns[RECENCY].astype(np.float32)
    return {
        "habit": habit,
        "co_visitation": memory.covisitation.scores(own.items, strength),
        "neighbours": memory.neighbours.scores(shopper.user, count),
        "sasrec": memory.sasrec.scores(shopper.user, count),
        "popular": memory.stock.popularity,
    }


def describe(
    memory: Memory, shopper: Shopper, scores: Mapping[str, Floats], items: Ints
) -> Columns:
    """The ranker's retrieval columns for these items, in fixed order."""
    columns = _own_columns(shopper, items)
    for name in ("co_visitation", "neighbours", "sasrec"):
        columns[name] = scores[name][items].astype(np.float64)
        columns[f"{name}_rank"] = candidate_ranks(columns[name])
    columns |= item_columns(memory.stock, items)
    columns |= category_columns(memory.stock, shopper.bought, items, weekly_decay=CATEGORY_DECAY)
    finest = columns[f"category_strength_level_{memory.stock.categories.shape[1] - 1}"]
    columns["share_of_own_category"] = columns[FADING] / np.maximum(finest, 1e-9)
    for name, level in _KIND_LEVELS.items():
        kinds = memory.stock.categories[:, level]
        columns |= need_columns(shopper.bought, items, kinds, name=name)
    columns |= memory.repeats.columns(shopper.bought, items, memory.stock.categories[:, -1])
    return columns | _user_columns(shopper, len(items))


def candidate_ranks(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How many of these candidates score higher."""
    falling = -scores
    return np.searchsorted(np.sort(falling), falling, side="left").astype(np.float64)


def matrix_of(columns: Columns) -> Floats:
    """(n, columns) in the order of the mapping; infinities (never) become NaN."""
    matrix = np.column_stack(list(columns.values())).astype(np.float32)
    matrix[np.isinf(matrix)] = np.nan
    return matrix


def _own_columns(shopper: Shopper, items: Ints) -> Columns:
    """Habits and rhythm of the candidates that the user bought before."""
    own = shopper.habits
    place = np.minimum(np.searchsorted(own.items, items), len(own.items) - 1)
    is_own = own.items[place] == items
    return {
        name: np.where(is_own, values[place], np.nan if name.startswith(_NAN_WHEN_ABSENT) else 0.0)
        for name, values in (own.columns | rhythm(shopper.bought, own.items)).items()
    }


def _user_columns(shopper: Shopper, count: int) -> Columns:
    bought = shopper.bought
    baskets = bought.basket_count
    _, last_line = np.unique(bought.baskets_ago, return_index=True)
    per_user = {
        "user_baskets": baskets,
        "user_baskets_4_weeks": int((bought.weeks_ago[last_line] < 4).sum()),
        "user_mean_basket": len(bought.item) / max(baskets, 1),
        "user_mean_last_5_baskets": (bought.baskets_ago < 5).sum() / min(max(baskets, 1), 5),
        "user_weeks_since_last": float(bought.weeks_ago.min(initial=np.inf)),
        "user_repeat_share": 1 - len(shopper.habits.items) / max(len(bought.item), 1),
    }
    return {name: np.full(count, float(value)) for name, value in per_user.items()}
