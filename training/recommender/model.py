"""The recommender that evaluation and serving share: retrieve candidates, rank them, say why.

Pure numpy and LightGBM; no pandas, no torch, no files. Retrievers: ``habit`` (what the user buys),
``co_visitation``, ``neighbours`` (users with similar baskets), ``sasrec``, ``popular``. An unknown
user gets popular items and is marked as a cold start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from governance.errors import InputError
from training.covisitation.model import Covisitation
from training.metrics import top_k
from training.ranker.model import Ranker
from training.recommender import reasons
from training.recommender.assortment import Assortment, category_columns, item_columns
from training.recommender.history import HABIT, RECENCY, Columns, Habits, History, Purchases, habits
from training.recommender.neighbours import Neighbours
from training.sasrec.vectors import SasrecVectors
from training.shop_data import Floats, Ints

if TYPE_CHECKING:
    from training.bundle import Bundle

RETRIEVERS = ("habit", "co_visitation", "neighbours", "sasrec", "popular")
QUOTAS = (0.40, 0.15, 0.15, 0.15, 0.15)  # of the candidates; what overlaps leaves room below limit
SURFACES = {"home": True, "discover": False}  # may it show what the user has bought before?
CATEGORY_DECAY = 0.95  # per week, of category strength
UNKNOWN_USER = -1
_MISSING = np.nan


class FeatureMatrix(Protocol):
    """Feature values of n entities, (n, d), in service order; NaN where missing."""

    @property
    def values(self) -> npt.NDArray[np.floating]: ...


@dataclass(frozen=True)
class Retrievers:
    """Everything remembered at one instant that candidates are drawn and described from."""

    history: History
    covisitation: Covisitation
    neighbours: Neighbours
    sasrec: SasrecVectors
    stock: Assortment


@dataclass(frozen=True)
class Candidates:
    """Items worth ranking for one user; ``columns`` is (n, names) for the ranker."""

    user_id: str
    user: int
    items: Ints
    item_ids: tuple[str, ...]
    scores: Mapping[str, Floats]  # per retriever; NaN where it did not propose the item
    retrievers: tuple[str, ...]  # which proposed the item at its best rank
    columns: Floats
    column_names: tuple[str, ...]
    is_cold_start: bool


@dataclass(frozen=True)
class Ranking:
    """The candidates best first: one entry each of id, score, retriever and reasons."""

    item_ids: tuple[str, ...]
    scores: tuple[float, ...]
    retrievers: tuple[str, ...]
    reasons: tuple[tuple[str, ...], ...]
