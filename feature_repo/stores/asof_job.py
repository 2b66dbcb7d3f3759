"""The jobs that AsofOfflineStore answers with: a query that runs when it is asked for.

A job gives an Arrow table, a pandas frame or chunks, or writes its rows to a Parquet file without
holding them all (``persist``, which Feast's saved datasets call). What runs is ``asof_join.py``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.file_source import FileSource, SavedDatasetFileStorage
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage

from feature_repo.stores.asof_join import point_in_time_join, point_in_time_join_to_parquet
from feature_repo.stores.feature_table import FeatureTable
from feature_repo.stores.label_rows import Given, LabelRows, open_labels
from feature_repo.stores.newest_rows import NewestRows
from governance.errors import InputError
from governance.files import atomic_path

LABEL_AT = "event_timestamp"  # the name Feast documents for label rows
CHUNK_ROWS = 20_000  # 20 k rows x 20 features x 8 bytes: about 3 MB a chunk

Batches = Callable[[], Iterator[pa.RecordBatchReader]]
Newest = Callable[[int], Iterator[NewestRows]]
Connect = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


class AsofRetrievalJob(RetrievalJob):  # type: ignore[misc]
    """Rows that ``open_batches`` streams in bounded chunks."""

    def __init__(
        self,
        *,
        batches: Batches | None = None,
        newest: Newest | None = None,
        repo_path: Path | None = None,
        full_feature_names: bool = False,
        on_demand: list[OnDemandFeatureView] | None = None,
    ) -> None:
        self._batches, self._newest = batches, newest
        self._repo_path = repo_path
        self._full_feature_names = full_feature_names
        self._on_demand = on_demand or []

    @contextmanager
    def open_batches(self) -> Iterator[pa.RecordBatchReader]:
        """The rows as a reader of chunks, valid inside the ``with``."""
        if self._batches is None:
            yield self._to_arrow_internal().to_reader(max_chunksize=CHUNK_ROWS)
            return
        with contextmanager(self._batches)() as reader:
            yield reader

    def open_newest(self, chunk_rows: int) -> AbstractContextManager[NewestRows]:
        """The newest row of each key in the online store's order; only of ``pull_latest``."""
        if self._newest is None:
            raise TypeError("this job does not answer with the newest row of each key")
        return contextmanager(self._newest)(chunk_rows)

    def persist(
        self,
        storage: SavedDatasetStorage,
        allow_overwrite: bool = False,  # noqa: FBT001, FBT002  Feast's signature
        timeout: int | None = None,  # noqa: ARG002  Feast's signature
    ) -> None:
        """Write the rows to the storage's Parquet file; it is there whole, or not at all."""
        if not isinstance(storage, SavedDatasetFileStorage):
            raise InputError(
                f"{type(storage).__name__} is no place this offline store can write to",
                where="create_saved_dataset(storage=...)",
                why="it writes Parquet files",
                next_step="give it SavedDatasetFileStorage(path='....parquet')",
            )
        uri = storage.file_options.uri
        path = Path(FileSource.get_uri_for_file_path(self._repo_path, uri).removeprefix("file://"))
        if path.exists() and not allow_overwrite:
            raise SavedDatasetLocationAlreadyExists(location=uri)
        self.write_parquet(path)

    def write_parquet(self, path: Path) -> int:
        """Write the rows chunk by chunk; returns their number."""
        rows = 0
        with (
            self.open_batches() as reader,
            atomic_path(path) as beside,
            pq.ParquetWriter(beside, reader.schema) as writer,
        ):
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
        return rows

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:  # noqa: ARG002
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
        return None


class HistoricalJob(AsofRetrievalJob):
    """A point-in-time join of label rows with feature tables."""

    def __init__(
        self,
        connect: Connect,
        given: Given,
        tables: Callable[[], Sequence[FeatureTable]],
        *,
        known_only: bool,
        features: list[str],
        repo_path: Path | None = None,
        full_feature_names: bool = False,
        on_demand: list[OnDemandFeatureView] | None = None,
    ) -> None:
        super().__init__(
            repo_path=repo_path, full_feature_names=full_feature_names, on_demand=on_demand
        )
        self._connect, self._given, self._tables = connect, given, tables
        self._known_only, self._features = known_only, features

    def write_parquet(self, path: Path) -> int:
        """Write the joined rows; on-demand features need them in memory first."""
        if self._on_demand:
            table = self.to_arrow()
            with atomic_path(path) as beside:
                pq.write_table(table, beside)
            return int(table.num_rows)
        with self._connect() as connection, self._labels(connection) as labels:
            return point_in_time_join_to_parquet(
                connection,
                labels,
                self._tables(),
                path,
                label_at=LABEL_AT,
                known_only=self._known_only,
                chunk_rows=CHUNK_ROWS,
            )

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:  # noqa: ARG002
        with self._connect() as connection, self._labels(connection) as labels:
            return point_in_time_join(
                connection, labels, self._tables(), label_at=LABEL_AT, known_only=self._known_only
            )

    @property
    def metadata(self) -> RetrievalMetadata:
        """Feast's summary of the labels; reads their times."""
        with self._connect() as connection, self._labels(connection) as labels:
            first, last = labels.time_range(LABEL_AT) or (None, None)
            keys = [name for name in labels.schema.names if name != LABEL_AT]
        return RetrievalMetadata(self._features, keys, first, last)

    def _labels(self, connection: duckdb.DuckDBPyConnection) -> AbstractContextManager[LabelRows]:
        return open_labels(connection, self._given, label_at=LABEL_AT)
