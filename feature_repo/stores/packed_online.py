"""PackedOnlineStore: Feast's online store on packed records, in SQLite or Redis.

Named in feature_store.yaml. Feast's own stores keep a row (SQLite) or a hash field (Redis) and a
protobuf for every feature; this one keeps one fixed-width record for every entity and view
(``packed_rows.py``), so that a request for hundreds of items is one lookup and one array.
``online_read`` answers what Feast's stores answer; ``read_matrix`` is the way for predictors.
Not here yet: deleting one entity, asynchronous reads, text features.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from feast.entity import Entity
from feast.feature_view import FeatureView
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey as EntityKeyProto
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.value_type import ValueType

from feature_repo.stores.packed_protos import (
    EventRow,
    ReadRow,
    key_text,
    rows_from_protos,
    rows_to_protos,
)
from feature_repo.stores.packed_rows import RowFormat, event_microseconds, key_bytes
from feature_repo.stores.packed_sqlite import SqliteBackend
from governance.errors import InputError

DATA_TYPES = {
    ValueType.INT64: "bigint",
    ValueType.DOUBLE: "double",
    ValueType.FLOAT: "float",
    ValueType.BOOL: "boolean",
    ValueType.UNIX_TIMESTAMP: "timestamp",
}


class Backend(Protocol):
    """Where records lie; see ``packed_sqlite.py`` for what each method promises."""

    def prepare(self, row_format: RowFormat) -> None: ...
    def drop(self, view: str) -> None: ...
    def writing(
        self, row_format: RowFormat, *, replace_until: datetime | None
    ) -> AbstractContextManager[None]: ...
    def extend(self, row_format: RowFormat, *, start: datetime, end: datetime) -> None: ...
    def write(
        self, row_format: RowFormat, keys: Sequence[bytes], records: Sequence[bytes]
    ) -> None: ...
    def read(
        self, formats: Sequence[RowFormat], keys: Sequence[bytes]
    ) -> list[list[bytes | None]]: ...
    def states(self, views: Sequence[str]) -> dict[str, tuple[bytes, int | None]]: ...


class PackedOnlineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """The ``online_store`` part of feature_store.yaml."""

    type: Literal["feature_repo.stores.packed_online.PackedOnlineStore"]
    backend: Literal["sqlite", "redis"] = "sqlite"
    path: str = "online.db"
    redis_url: str = "localhost:6379"


@dataclass(frozen=True)
class ViewMatrix:
    """One view's values for ``n`` ids, features in the format's name order."""

    values: npt.NDArray[np.float64]  # (n, d), NaN where null or absent
    event_at: npt.NDArray[np.int64]  # (n,), microseconds since 1970; meaningless where absent
    found: npt.NDArray[np.bool_]  # (n,)
    schema: bytes | None  # as prepared; None: this view was never prepared
    materialised_to: int | None  # microseconds since 1970; None: never materialised


class PackedOnlineStore(OnlineStore):  # type: ignore[misc]
    """Feast's interface, and the Arrow and matrix ways beside it."""

    _backend: Backend | None = None

    def backend(self, config: RepoConfig) -> Backend:
        if self._backend is None:
            self._backend = _open_backend(config)
        return self._backend

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],  # noqa: ARG002
        entities_to_keep: Sequence[Entity],  # noqa: ARG002
        partial: bool,  # noqa: ARG002, FBT001  Feast's signature
    ) -> None:
        for view in tables_to_delete:
            self.backend(config).drop(view.name)
        for view in tables_to_keep:
            self.backend(config).prepare(row_format(view))

    def teardown(
        self,
        config: RepoConfig,
        tables: Sequence[FeatureView],
        entities: Sequence[Entity],  # noqa: ARG002
    ) -> None:
        for view in tables:
            self.backend(config).drop(view.name)

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[EventRow],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Feast's way in (push, write_to_online_store): rows come as protobufs."""
        layout = row_format(table)
        with self.backend(config).writing(layout, replace_until=None):
            for start in range(0, len(data), 10_000):
                part = data[start : start + 10_000]
                rows = rows_from_protos(layout, part)
                self.write_arrow(config, layout, rows, event_at="event_at", created_at="created_at")
                if progress:
                    progress(len(part))

    def write_arrow(
        self,
        config: RepoConfig,
        layout: RowFormat,
        rows: pa.RecordBatch | pa.Table,
        *,
        event_at: str,
        created_at: str,
    ) -> None:
        """Write rows inside the backend's ``writing``; key columns are text."""
        keys = key_bytes(layout.keys, [rows.column(key).to_pylist() for key in layout.keys])
        records = layout.pack(rows, event_at=event_at, created_at=created_at)
        self.backend(config).write(layout, keys, records)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKeyProto],
        requested_features: list[str] | None = None,
    ) -> list[ReadRow]:
        """Feast's way out: the event time and a protobuf per feature, or (None, None)."""
        layout = row_format(table)
        columns = [[key_text(key, name) for key in entity_keys] for name in layout.keys]
        [records] = self.backend(config).read([layout], key_bytes(layout.keys, columns))
        wanted = set(requested_features or (name for name, _ in layout.fields))
        return rows_to_protos(layout, records, wanted)

    def read_matrix(
        self, config: RepoConfig, formats: Sequence[RowFormat], ids: Sequence[str]
    ) -> list[ViewMatrix]:
        """All views of one entity for ``ids``, in one read."""
        backend = self.backend(config)
        states = backend.states([layout.view for layout in formats])
        records: list[list[bytes | None]] = [[None] * len(ids) for _ in formats]
        if len(states) == len(formats):
            records = backend.read(formats, key_bytes(formats[0].keys, [ids]))
        return [
            _matrix(layout, part, *states.get(layout.view, (None, None)))
            for layout, part in zip(formats, records, strict=True)
        ]


def row_format(view: FeatureView) -> RowFormat:
    """The layout of a Feast view's records; keys and types it cannot hold are refused."""
    for entity in view.entity_columns:
        if entity.dtype.to_value_type() != ValueType.STRING:
            raise InputError(
                f"key {entity.name} of {view.name} is {entity.dtype}",
                why="keys of the packed online store are text",
                next_step="declare it varchar and cast it in the model's SQL",
            )
    types = [(field.name, field.dtype.to_value_type()) for field in view.features]
    return RowFormat(
        view=view.name,
        keys=tuple(sorted(entity.name for entity in view.entity_columns)),
        fields=tuple((name, DATA_TYPES.get(kind, kind.name.lower())) for name, kind in types),
    )


def _open_backend(config: RepoConfig) -> Backend:
    store = config.online_store
    if store.backend == "redis":
        from feature_repo.stores.packed_redis import RedisBackend

        return RedisBackend(store.redis_url, config.project)
    path = Path(store.path)
    return SqliteBackend(path if path.is_absolute() else Path(str(config.repo_path)) / path)


def _matrix(
    layout: RowFormat, records: list[bytes | None], schema: bytes | None, until: int | None
) -> ViewMatrix:
    rows, found = layout.unpack(records)
    values = np.empty((len(rows), len(layout.ordered)), dtype=np.float64)
    for index, (feature, _) in enumerate(layout.ordered):
        values[:, index] = rows[f"f_{feature}"]
    values[layout.nulls(rows) | ~found[:, None]] = np.nan
    return ViewMatrix(values, event_microseconds(rows), found, schema, until)
