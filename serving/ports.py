"""What serving needs from a recommender and from a store of online features, as types.

The real ones are training/recommender/model.py and feature_repo/store.py; tests may bring small
ones. Nothing here is loaded from disk and nothing imports torch or Feast.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from governance.declarations import Column


class FeatureMatrix(Protocol):
    """Online values of n ids: ``values`` and ``missing`` are (n, d), one row per id asked for."""

    @property
    def values(self) -> npt.NDArray[np.float64]: ...
    @property
    def missing(self) -> npt.NDArray[np.bool_]: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...


class ReadOnline(Protocol):
    """One read of one entity's features for many ids; may be slow or fail."""

    def __call__(self, *, entity: str, ids: Sequence[str]) -> FeatureMatrix: ...


class Candidates(Protocol):
    """Items worth ranking for one user, with the score of each retriever that found them."""

    @property
    def item_ids(self) -> Sequence[str]: ...
    @property
    def scores(self) -> Mapping[str, npt.NDArray[np.floating]]:
        """Per retriever, one score per item; NaN where that retriever did not find the item."""
        ...

    @property
    def is_cold_start(self) -> bool: ...


class Ranking(Protocol):
    """The candidates, best first; every sequence has one entry per candidate."""

    @property
    def item_ids(self) -> Sequence[str]: ...
    @property
    def scores(self) -> Sequence[float]: ...
    @property
    def retrievers(self) -> Sequence[str]: ...
    @property
    def reasons(self) -> Sequence[Sequence[str]]: ...


class Recommender(Protocol):
    """A loaded champion."""

    def candidates(self, user_id: str, *, surface: str, limit: int) -> Candidates: ...
    def rank(
        self, candidates: Candidates, user_features: FeatureMatrix, item_features: FeatureMatrix
    ) -> Ranking: ...
    def title(self, item_id: str) -> str: ...
