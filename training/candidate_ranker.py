"""What every ranker is to those who ask it: columns in a fixed order, one score per candidate."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.ranker.model import FeatureColumn
from training.shop_data import Floats


class CandidateRanker(Protocol):
    """What scores candidates: a LightGBM forest or a deep network, by the same columns."""

    @property
    def retrieval(self) -> tuple[str, ...]: ...

    @property
    def service(self) -> tuple[FeatureColumn, ...]: ...

    def scores(
        self, retrieval: Floats, user: npt.NDArray[np.floating], item: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.float64]: ...
