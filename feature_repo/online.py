"""Online features as numbers: one read of the online store, in the declared column order.

The way of predictors; ``store.get_online_features`` is Feast's own and slower. Re-exported by
``feature_repo/store.py``.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from feast import FeatureStore

from feature_repo.services import service_columns, service_models
from feature_repo.stores.packed_online import ViewMatrix
from feature_repo.stores.packed_rows import RowFormat, microseconds
from governance.declarations import Column, FeatureModel
from governance.errors import InputError, StateError


@dataclass(frozen=True)
class FeatureMatrix:
    """Online values of ``n`` ids: values and missing are (n, d), ages_seconds is (n,)."""

    values: npt.NDArray[np.float64]  # NaN where missing
    missing: npt.NDArray[np.bool_]  # not found, null, or older than its view's ttl
    ages_seconds: npt.NDArray[np.float64]  # of the oldest row used; NaN where none was
    columns: tuple[Column, ...]


def read_online(
    store: FeatureStore,
    service: str,
    *,
    entity: str,
    ids: list[str],
    as_of: datetime | None = None,
) -> FeatureMatrix:
    """The service's columns of one entity for ``ids``, in one read of the online store.

    Rows older than their ttl at ``as_of`` are missing. Without ``as_of`` the clock stands where
    the store was last materialised to, so that a shop whose data ended stays answerable.
    """
    models = [model for model in service_models(service) if model.entities == (entity,)]
    columns = service_columns(service, entity=entity)
    if not models:
        raise InputError(
            f"{service} has no view keyed by {entity}",
            where="feature_repo/services.py",
            next_step="ask for one of its entities",
        )
    online = store._get_provider().online_store
    parts = online.read_matrix(store.config, [row_format(model) for model in models], ids)
    for model, part in zip(models, parts, strict=True):
        _refuse_unready(model, part)
    now = _clock(parts, as_of)
    values, missing, ages = zip(
        *(_view_values(*pair, now=now) for pair in zip(models, parts, strict=True)), strict=True
    )
    return FeatureMatrix(
        values=np.concatenate(values, axis=1),
        missing=np.concatenate(missing, axis=1),
        ages_seconds=np.fmax.reduce(np.stack(ages)),
        columns=columns,
    )


def row_format(model: FeatureModel) -> RowFormat:
    """The layout of a declared model's online records."""
    fields = tuple((column.name, column.data_type) for column in model.features)
    return RowFormat(view=model.name, keys=tuple(sorted(model.entities)), fields=fields)


def _view_values(
    model: FeatureModel, part: ViewMatrix, *, now: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Values and missing in declared order, and ages, of one view; rows past the ttl are gone."""
    place = {name: index for index, (name, _) in enumerate(row_format(model).ordered)}
    values = part.values[:, [place[column.name] for column in model.features]]
    ages = np.maximum((now - part.event_at) / 1e6, 0.0)
    gone = ~part.found
    if model.ttl:
        gone = gone | (ages > model.ttl.total_seconds())
    values = np.where(gone[:, None], np.nan, values)
    return values, np.isnan(values), np.where(gone, np.nan, ages)


def _clock(parts: list[ViewMatrix], as_of: datetime | None) -> int:
    if as_of is not None:
        return microseconds(as_of)
    return max(part.materialised_to or 0 for part in parts)


def _refuse_unready(model: FeatureModel, part: ViewMatrix) -> None:
    if part.materialised_to is None or part.schema != row_format(model).schema:
        why = "it was not materialised, or not since its columns changed"
        if part.materialised_to is not None:
            why = "its online rows have other columns than the declaration"
        raise StateError(
            f"{model.name} is not ready online",
            where=f"{model.path}:{model.line}",
            why=why,
            next_step="run feature_repo.store.apply and materialise (counterfoil build does)",
        )
