"""AsofOfflineStore: Feast's offline store over Parquet files, by DuckDB's ASOF join.

Named in feature_store.yaml; what it computes is in ``asof_join.py`` and ``feature_table.py``.
Feast's own DuckDB store joins by inequality and deduplicates afterwards, which grows with the
history of an entity and gives rows back in another order; this one keeps every row in its place.
Label rows may be a pandas frame or an Arrow table. Not here yet: retrieval without label rows
(a window of times), writing rows back (push to offline), and logged features.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
from feast.data_source import DataSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel, RepoConfig

from feature_repo.stores.asof_join import point_in_time_join
from feature_repo.stores.feature_table import FeatureTable, all_rows, connect, latest_rows
from governance.errors import InputError

LABEL_AT = "event_timestamp"  # the name Feast documents for label rows
CHUNK_ROWS = 20_000  # 20 k rows x 20 features x 8 bytes: about 3 MB a chunk

Batches = Callable[[], Iterator[pa.RecordBatchReader]]


class AsofOfflineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """The ``offline_store`` part of feature_store.yaml."""

    type: Literal["feature_repo.stores.asof_offline.AsofOfflineStore"]
    threads: int = 2
    memory_limit: str = "3GB"


class AsofRetrievalJob(RetrievalJob):  # type: ignore[misc]
    """A query that runs when it is asked for; ``open_batches`` streams it in bounded chunks."""

    def __init__(
        self,
        run: Callable[[], pa.Table] | None = None,
        *,
        batches: Batches | None = None,
        full_feature_names: bool = False,
        on_demand: list[OnDemandFeatureView] | None = None,
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        self._run = run
        self._batches = batches
        self._full_feature_names = full_feature_names
        self._on_demand = on_demand or []
        self._metadata = metadata

    @contextmanager
    def open_batches(self) -> Iterator[pa.RecordBatchReader]:
        """The rows as a reader of chunks, valid inside the ``with``."""
        if self._batches is None:
            yield self._to_arrow_internal().to_reader(max_chunksize=CHUNK_ROWS)
            return
        with contextmanager(self._batches)() as reader:
            yield reader

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:  # noqa: ARG002
        if self._run is not None:
            return self._run()
        with self.open_batches() as reader:
            return reader.read_all()

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()

    @property
    def full_feature_names(self) -> bool:
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        return self._on_demand

    @property
    def metadata(self) -> RetrievalMetadata | None:
        return self._metadata


class AsofOfflineStore(OfflineStore):  # type: ignore[misc]
    """Feast's interface; every method builds a job and runs nothing."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | pa.Table | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,  # noqa: FBT001, FBT002  Feast's signature
        filter_by_created_timestamp: bool = False,  # noqa: FBT001, FBT002  Feast's signature
        **window: Any,
    ) -> RetrievalJob:
        labels = _label_table(entity_df, window)
        tables = [
            _view_table(view, feature_refs, config, full_feature_names=full_feature_names)
            for view in feature_views
        ]

        def run() -> pa.Table:
            with _connect(config) as connection:
                return point_in_time_join(
                    connection,
                    labels,
                    tables,
                    label_at=LABEL_AT,
                    only_created=filter_by_created_timestamp,
                )

        keys = [column for column in labels.column_names if column != LABEL_AT]
        return AsofRetrievalJob(
            run,
            full_feature_names=full_feature_names,
            on_demand=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            metadata=RetrievalMetadata(features=feature_refs, keys=keys),
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
        table = FeatureTable(
            path=_parquet_path(data_source, config),
            keys=tuple((key, key) for key in join_key_columns),
            event_at=timestamp_field,
            created_at=created_timestamp_column or "",
            features=tuple((feature, feature) for feature in feature_name_columns),
        )

        def batches() -> Iterator[pa.RecordBatchReader]:
            with _connect(config) as connection:
                yield latest_rows(
                    connection, table, start=start_date, end=end_date, chunk_rows=CHUNK_ROWS
                )

        return AsofRetrievalJob(batches=batches)

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
        table = FeatureTable(
            path=_parquet_path(data_source, config),
            keys=tuple((key, key) for key in join_key_columns),
            event_at=timestamp_field,
            created_at=created_timestamp_column or "",
            features=tuple((feature, feature) for feature in feature_name_columns),
        )

        def batches() -> Iterator[pa.RecordBatchReader]:
            with _connect(config) as connection:
                yield all_rows(
                    connection, table, start=start_date, end=end_date, chunk_rows=CHUNK_ROWS
                )

        return AsofRetrievalJob(batches=batches)


def _connect(config: RepoConfig) -> Any:
    store = config.offline_store
    return connect(threads=store.threads, memory_limit=store.memory_limit)


def _label_table(labels: pd.DataFrame | pa.Table | str | None, window: dict[str, Any]) -> pa.Table:
    if isinstance(labels, pa.Table):
        return labels
    if isinstance(labels, pd.DataFrame):
        return pa.Table.from_pandas(labels, preserve_index=False).replace_schema_metadata(None)
    raise InputError(
        "historical features need label rows",
        where="get_historical_features(entity_df=...)",
        why=f"a window of times {window} or SQL text is not supported by this offline store",
        next_step=f"pass a pandas frame or an Arrow table with {LABEL_AT} and the entity keys",
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
        path=_parquet_path(source, config),
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
    return uri.removeprefix("file://")
