"""What serving needs from a store of online features, as types.

The real one is feature_repo/store.py, whose import costs Feast's; this costs nothing.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from governance.declarations import Column
from governance.receipts import ReadAt


class FeatureMatrix(Protocol):
    """Online values of n ids: ``values`` and ``missing`` are (n, d), one row per id asked for."""

    @property
    def values(self) -> npt.NDArray[np.float64]: ...
    @property
    def missing(self) -> npt.NDArray[np.bool_]: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def read_at(self) -> ReadAt | None: ...


class ReadOnline(Protocol):
    """One read of one entity's features for many ids; may be slow or fail."""

    def __call__(self, *, entity: str, ids: Sequence[str]) -> FeatureMatrix: ...
