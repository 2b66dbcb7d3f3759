"""AsofOfflineStore: Feast's offline store over Parquet files, by DuckDB's ASOF join.

Named in feature_store.yaml; what it computes is in ``asof_join.py`` and ``feature_table.py``.
Feast's own DuckDB store joins by inequality and deduplicates afterwards, which grows with the
history of an entity and gives rows back in another order; this one keeps every row in its place.
Label rows may be a pandas frame, an Arrow table, Parquet files, SQL text, or none: then every row
of the first view in the window from ``start_date`` to ``end_date`` is a label.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
from feast.data_source import DataSource
from feast.feature_logging import LoggingConfig, LoggingSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.file_source import FileLoggingDestination, FileSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.utils import compute_non_entity_date_range

from feature_repo.stores.asof_job import CHUNK_ROWS, AsofRetrievalJob, HistoricalJob
from feature_repo.stores.feature_table import (
    FeatureTable,
    all_rows,
    connect,
    latest_rows,
    with_pushed,
)
from feature_repo.stores.label_rows import Window
from feature_repo.stores.newest_rows import NewestRows
from feature_repo.stores.offline_writes import append_log, append_rows
from governance.errors import InputError, StateError


class AsofOfflineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """The ``offline_store`` part of feature_store.yaml."""

    type: Literal["feature_repo.stores.asof_offline.AsofOfflineStore"]
    threads: int = 2
    memory_limit: str = "3GB"
    # A label sees no row created after it. Feast's filter_by_created_timestamp can turn this on,
    # not off: its default, False, looks the same as not saying anything.
    known_only: bool = True


class AsofOfflineStore(OfflineStore):  # type: ignore[misc]
    """Feast's interface; the reading methods build a job and run nothing."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | pa.Table | str | Path | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,  # noqa: FBT001, FBT002  Feast's signature
        filter_by_created_timestamp: bool = False,  # noqa: FBT001, FBT002  Feast's signature
        **window: datetime,
    ) -> RetrievalJob:
        def tables() -> list[FeatureTable]:
            return [
                _view_table(view, feature_refs, config, full_feature_names=full_feature_names)
                for view in feature_views
            ]

        given = entity_df
        if given is None:
            start, end = compute_non_entity_date_range(feature_views, **window)
            given = Window(tables()[0], start=start, end=end)
        return HistoricalJob(
            lambda: _connect(config),
            given,
            tables,
            known_only=config.offline_store.known_only or filter_by_created_timestamp,
            repo_path=config.repo_path,
            features=feature_refs,
            full_feature_names=full_feature_names,
            on_demand=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        def table() -> FeatureTable:
            times = (timestamp_field, created_timestamp_column or "")
            return _source_table(config, data_source, join_key_columns, feature_name_columns, times)

        def batches() -> Iterator[pa.RecordBatchReader]:
            with _connect(config) as connection:
                yield latest_rows(
                    connection, table(), start=start_date, end=end_date, chunk_rows=CHUNK_ROWS
                )

        def newest(chunk_rows: int) -> Iterator[NewestRows]:
            with _connect(config) as connection:
                yield NewestRows(connection, table(), start_date, end_date, chunk_rows)

        return AsofRetrievalJob(batches=batches, newest=newest, repo_path=config.repo_path)

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        def batches() -> Iterator[pa.RecordBatchReader]:
            table = _source_table(
                config,
                data_source,
                join_key_columns,
                feature_name_columns,
                (timestamp_field, created_timestamp_column or ""),
            )
            with _connect(config) as connection:
                yield all_rows(
                    connection, table, start=start_date, end=end_date, chunk_rows=CHUNK_ROWS
                )

        return AsofRetrievalJob(batches=batches, repo_path=config.repo_path)

    @staticmethod
    def offline_write_batch(
        config: RepoConfig,
        feature_view: FeatureView,
        table: pa.Table,
        progress: Callable[[int], Any] | None,
    ) -> None:
        source = feature_view.batch_source
        append_rows(
            table,
            base=_parquet_path(source, config),
            event_at=source.timestamp_field,
            created_at=source.created_timestamp_column or "",
            pushed_at=datetime.now(UTC),  # the edge: Feast says no time
        )
        if progress:
            progress(table.num_rows)

    @staticmethod
    def write_logged_features(
        config: RepoConfig,
        data: pa.Table | Path,
        source: LoggingSource,  # noqa: ARG004  Feast's signature
        logging_config: LoggingConfig,
        registry: BaseRegistry,  # noqa: ARG004  Feast's signature
    ) -> None:
        destination = logging_config.destination
        if not isinstance(destination, FileLoggingDestination) or destination.partition_by:
            raise InputError(
                "this offline store cannot log features there",
                where="the service's logging_config",
                why="it writes plain Parquet files into one folder",
                next_step="give it FileLoggingDestination(path=...) without partition_by",
            )
        folder = FileSource.get_uri_for_file_path(config.repo_path, destination.path)
        append_log(data, folder=Path(folder), logged_at=datetime.now(UTC))


@contextmanager
def _connect(config: RepoConfig) -> Iterator[Any]:
    store = config.offline_store
    with connect(threads=store.threads, memory_limit=store.memory_limit) as connection:
        yield connection


def _source_table(
    config: RepoConfig,
    source: DataSource,
    keys: list[str],
    features: list[str],
    times: tuple[str, str],
) -> FeatureTable:
    return FeatureTable(
        paths=with_pushed(_parquet_path(source, config)),
        keys=tuple((key, key) for key in keys),
        event_at=times[0],
        created_at=times[1],
        features=tuple((feature, feature) for feature in features),
    )


def _view_table(
    view: FeatureView, feature_refs: list[str], config: RepoConfig, *, full_feature_names: bool
) -> FeatureTable:
    prefix, alias = view.projection.name_to_use(), view.projection.name_alias or view.name
    references = (ref.split(":", 1) for ref in feature_refs)
    wanted = [feature for name, feature in references if name == prefix]
    source = view.batch_source
    in_file = {new: old for old, new in source.field_mapping.items()} if source else {}
    label_names = view.projection.join_key_map or {}
    keys = [entity.name for entity in view.entity_columns]
    return FeatureTable(
        paths=with_pushed(_parquet_path(source, config)),
        keys=tuple((label_names.get(key, key), in_file.get(key, key)) for key in keys),
        event_at=source.timestamp_field,
        created_at=source.created_timestamp_column or "",
        features=tuple(
            (f"{alias}__{name}" if full_feature_names else name, in_file.get(name, name))
            for name in wanted
        ),
        ttl=view.ttl or None,  # Feast writes "never expires" as zero
    )


def _parquet_path(source: DataSource | None, config: RepoConfig) -> str:
    if not isinstance(source, FileSource):
        raise InputError(
            f"{type(source).__name__} is no source this offline store can read",
            where="feature_repo/views.py",
            why="it reads Parquet files named by a FileSource",
            next_step="give the view a FileSource, or choose another offline_store",
        )
    uri = str(FileSource.get_uri_for_file_path(config.repo_path, source.path))
    path = uri.removeprefix("file://")
    is_one_file = not any(mark in path for mark in ("*", "?", "://"))  # no pattern, nothing remote
    if is_one_file and not Path(path).exists():
        raise StateError(
            "the registry names a file that is not there",
            where=path,
            why="the home was moved, or the file was removed, since it was registered",
            next_step="counterfoil build writes and registers the tables of this home",
        )
    return f"{path}/**/*.parquet" if Path(path).is_dir() else path
