"""The ranker at answer time: a LightGBM forest over ordered columns, and nothing else.

Column order is the bundle's; a missing feature takes the default that its declaration gives, so a
null in training and a missing online value score alike.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from training.shop_data import Floats


@dataclass(frozen=True)
class FeatureColumn:
    """A column of the feature service: its entity, type and default (NaN: none declared)."""

    name: str
    entity: str
    data_type: str
    default: float | None


@dataclass(frozen=True)
class Ranker:
    """Scores candidates; ``retrieval`` columns come first, then the service's, in its order."""

    booster: lgb.Booster
    retrieval: tuple[str, ...]
    service: tuple[FeatureColumn, ...]

    def scores(
        self, retrieval: Floats, user: npt.NDArray[np.floating], item: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.float64]:
        """One score per candidate from (n, retrieval), (user columns,), (n, item columns)."""
        users = np.broadcast_to(user, (len(retrieval), len(user)))
        matrix = feature_matrix(retrieval, users, item, self.service)
        found: npt.NDArray[np.float64] = self.booster.predict(matrix, num_threads=1)
        return found


def feature_matrix(
    retrieval: Floats,
    user: npt.NDArray[np.floating],
    item: npt.NDArray[np.floating],
    service: tuple[FeatureColumn, ...],
) -> Floats:
    """Columns side by side in bundle order, declared defaults in place of NaN."""
    of_entity = {"user_id": iter(user.T), "item_id": iter(item.T)}
    filled = [_filled(next(of_entity[column.entity]), column) for column in service]
    return np.column_stack([retrieval, *filled]).astype(np.float32)


def _filled(values: npt.NDArray[np.floating], column: FeatureColumn) -> npt.NDArray[np.floating]:
    if column.default is None:
        return values
    return np.where(np.isnan(values), column.default, values)
