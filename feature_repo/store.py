"""The feature store as the other rooms use it: apply, materialise, historical and online reads.

Feast is the definition, the registry and the API; this is the thin edge that gives it the
settings and turns its answers into Arrow and numpy. Columns, defaults and hashes are in
``feature_repo/services.py``, which does not import Feast.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from feast import FeatureStore
from feast.errors import FeastObjectNotFoundException
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from feature_repo import views
from feature_repo.applied import remember_applied
from feature_repo.online import (
    FeatureMatrix,
    delete_entities,
    read_matrix,
    read_request,
    read_rows,
)
from feature_repo.services import (
    columns_hash,
    defaults,
    schema_hash,
    service_columns,
    service_models,
)
from feature_repo.stores.packed_rows import EPOCH
from governance.declarations import FeatureModel, read_feature_models
from governance.errors import StateError
from governance.settings import Settings

__all__ = [
    "FeatureMatrix",
    "apply",
    "columns_hash",
    "defaults",
    "delete_entities",
    "historical_features",
    "historical_rows",
    "materialise",
    "open_store",
    "read_matrix",
    "read_request",
    "read_rows",
    "schema_hash",
    "service_columns",
]

Progress = Callable[[str, int, int], None]  # (feature view, rows done, rows in all)


def open_store(settings: Settings) -> FeatureStore:
    """Feast's FeatureStore on these settings; feature_store.yaml sees them as variables."""
    settings.home_dir.mkdir(parents=True, exist_ok=True)
    with _environment(settings.as_env()):
        return FeatureStore(repo_path=str(settings.feature_repo_dir))


def apply(settings: Settings) -> FeatureStore:
    """Register entities, views and services as declared; unregister those no longer declared."""
    store = _open_with_registry(settings)
    models = read_feature_models(settings.dbt_dir)
    keys = views.entities(models)
    declared = views.feature_views(models, features_dir=settings.features_dir)
    services = views.feature_services(declared, dbt_dir=settings.dbt_dir)
    old_views = [view for view in store.list_batch_feature_views() if view.name not in declared]
    old_services = [old for old in store.list_feature_services() if old.name not in services]
    store.apply(
        [*keys.values(), *declared.values(), *services.values()],
        objects_to_delete=[*old_services, *old_views, *_sources(old_views)],
        partial=False,
    )
    remember_applied(settings)
    return store


def materialise(
    settings: Settings, *, as_of: datetime, progress: Progress | None = None
) -> dict[str, int]:
    """Bring the online store to ``as_of``; rows written, by view. Running it again changes nothing.

    Chunk by chunk, each with a checkpoint: killed and run again it goes on and ends in the same
    state. What the store knew by ``as_of`` is replaced, so that online equals offline also where a
    later build has fewer rows; what was pushed since then stays. An ``as_of`` before the last one
    takes the store back to it. Until a view is done it stays materialised to where it was.
    """
    store = _open_with_registry(settings)
    end = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
    written = {}
    for model in read_feature_models(settings.dbt_dir):
        if model.is_online:
            _refuse_missing_file(model, settings)
            written[model.name] = _materialise_view(store, model, end=end, progress=progress)
    return written


def historical_features(label_rows: pa.Table, *, service: str, settings: Settings) -> pa.Table:
    """``label_rows`` as they are, then the service's columns as each label's time knew them.

    Labels carry the entity keys and ``event_timestamp`` (naive UTC); a missing value is null. A
    row that a backfill created after a label's time was not known then, and is not seen.
    """
    store = _open_with_registry(settings)
    for model in service_models(service, dbt_dir=settings.dbt_dir):
        _refuse_missing_file(model, settings)
    job = store.get_historical_features(
        label_rows, _registered(store, "feature_service", service), filter_by_created_timestamp=True
    )
    joined = job.to_arrow()
    columns = service_columns(service, dbt_dir=settings.dbt_dir)
    wanted = [*label_rows.column_names, *(column.name for column in columns)]
    if joined.num_rows != label_rows.num_rows or set(wanted) != set(joined.column_names):
        raise StateError(
            f"the registry's {service} is not the declared one",
            where="the Feast registry",
            why=f"{joined.num_rows} rows and {joined.num_columns} columns came back,"
            f" {label_rows.num_rows} and {len(wanted)} were asked for",
            next_step="run feature_repo.store.apply (counterfoil build does)",
        )
    return joined.select(wanted)


def historical_rows(labels: Path, joined: Path, *, service: str, settings: Settings) -> int:
    """:func:`historical_features` of a Parquet file of labels into another; rows written.

    The file is there whole or not at all. Neither is held in memory: DuckDB spills beyond its
    limit, and Python sees a chunk at a time.
    """
    store = _open_with_registry(settings)
    for model in service_models(service, dbt_dir=settings.dbt_dir):
        _refuse_missing_file(model, settings)
    job = store.get_historical_features(
        str(labels),
        _registered(store, "feature_service", service),
        filter_by_created_timestamp=True,
    )
    return int(job.write_parquet(joined))


def _open_with_registry(settings: Settings) -> FeatureStore:
    """The store once its registry has answered; Feast alone would ask it at the first use."""
    store = open_store(settings)
    try:
        store.registry  # noqa: B018  a property that connects
    except (ArgumentError, NoSuchModuleError, OperationalError) as error:
        raise StateError(
            "the feature registry cannot be opened",
            where=settings.registry_database_url.split("@")[-1],
            why=str(error).splitlines()[0],
            next_step="check COUNTERFOIL_REGISTRY_URL and that the database answers",
        ) from None
    return store


class _Count:
    """What Feast's engines call with each chunk's rows; stands in for tqdm."""

    def __init__(self, view: str, progress: Progress | None) -> None:
        self.view, self.progress, self.rows, self.total = view, progress, 0, 0

    def begin(self, total: int) -> "_Count":
        self.total = total
        return self

    def update(self, rows: int) -> None:
        self.rows += rows
        if self.progress:
            self.progress(self.view, self.rows, self.total)


def _sources(views: list[Any]) -> list[Any]:
    """The sources that only these views read: their tables, and where rows are pushed to."""
    sources = (source for view in views for source in (view.batch_source, view.stream_source))
    return [source for source in sources if source is not None]


def _materialise_view(
    store: FeatureStore, model: FeatureModel, *, end: datetime, progress: Progress | None
) -> int:
    """Feast's own sequence for one view, without its printing."""
    count = _Count(model.name, progress)
    start = end - model.ttl if model.ttl else EPOCH.replace(tzinfo=UTC)
    view = _registered(store, "feature_view", model.name)
    store._get_provider().materialize_single_feature_view(
        config=store.config,
        feature_view=view,
        start_date=start,
        end_date=end,
        registry=store.registry,
        project=store.project,
        tqdm_builder=count.begin,
    )
    store.registry.apply_materialization(view, store.project, start, end)
    return count.rows


def _registered(store: FeatureStore, kind: str, name: str) -> Any:
    """A feature_view or feature_service of the registry."""
    try:
        return getattr(store, f"get_{kind}")(name)
    except FeastObjectNotFoundException:
        raise StateError(
            f"{name} is not registered",
            where="the Feast registry",
            why=f"it knows no such {kind.replace('_', ' ')}",
            next_step="run feature_repo.store.apply (counterfoil build does)",
        ) from None


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables while Feast reads its file, and put back what was there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _refuse_missing_file(model: FeatureModel, settings: Settings) -> None:
    path = settings.features_dir / f"{model.name}.parquet"
    if not path.is_file():
        raise StateError(
            f"{model.name} has no feature table",
            where=str(path),
            why="dbt writes it",
            next_step="counterfoil build",
        )
