"""The feature store as the other rooms use it: apply, materialise, historical and online reads.

Feast is the definition, the registry and the API; this is the thin edge that gives it the
settings and turns its answers into Arrow and numpy. Columns, defaults and hashes are in
``feature_repo/services.py``, which does not import Feast.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from feast import FeatureStore

from feature_repo import views
from governance.declarations import Column, read_feature_models
from governance.settings import Settings

Progress = Callable[[str, int], None]  # (feature view, rows written since the last call)


@dataclass(frozen=True)
class FeatureMatrix:
    """Online values of ``n`` ids: values and missing are (n, d), ages_seconds is (n,)."""

    values: npt.NDArray[np.float64]  # NaN where missing
    missing: npt.NDArray[np.bool_]  # not found, null, or older than its view's ttl
    ages_seconds: npt.NDArray[np.float64]  # of the oldest row used; NaN where none was
    columns: tuple[Column, ...]


def open_store(settings: Settings) -> FeatureStore:
    """Feast's FeatureStore on these settings; sets the variables feature_store.yaml names."""
    os.environ.update(settings.as_env())
    settings.home_dir.mkdir(parents=True, exist_ok=True)
    return FeatureStore(repo_path=str(settings.feature_repo_dir))


def apply(settings: Settings) -> FeatureStore:
    """Register entities, views and services as declared; unregister those no longer declared."""
    store = open_store(settings)
    models = read_feature_models(settings.dbt_dir)
    keys = views.entities(models)
    declared = views.feature_views(models, features_dir=settings.features_dir)
    services = views.feature_services(declared, dbt_dir=settings.dbt_dir)
    gone = [view for view in store.list_batch_feature_views() if view.name not in declared]
    store.apply(
        [*keys.values(), *declared.values(), *services.values()],
        objects_to_delete=[*gone, *(view.batch_source for view in gone)],
        partial=False,
    )
    return store


def materialise(
    settings: Settings, *, as_of: datetime, progress: Progress | None = None
) -> dict[str, int]:
    raise NotImplementedError


def historical_features(label_rows: pa.Table, *, service: str, settings: Settings) -> pa.Table:
    store = open_store(settings)
    job = store.get_historical_features(label_rows.to_pandas(), store.get_feature_service(service))
    return job.to_arrow()
