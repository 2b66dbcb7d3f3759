"""PackedOnlineStore: Feast's online store on packed records, in SQLite or Redis.

Named in feature_store.yaml. Feast's own stores keep a row (SQLite) or a hash field (Redis) and a
protobuf for every feature; this one keeps one record for every entity and view
(``packed_rows.py``), so that a request for hundreds of items is one lookup and one array.
``online_read`` answers what Feast's stores answer; ``read_rows`` gives arrays, which
``feature_repo/online.py`` makes matrices of: values, missing and ages, for predictors.
Not here yet: asynchronous reads.

Unlike Feast's stores (feast#6821), a row older than its view's ttl is not found, with the meaning
of a point-in-time join: a row exactly as old as the ttl still counts. "Now" is the data clock, the
latest of what was materialised and what was pushed, so that a shop whose data ended stays
answerable; with ``clock: wall`` it is the time of day, so that a live shop whose events stop
coming does not go on answering from them.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
from feast.entity import Entity
from feast.feature_view import FeatureView
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey as EntityKeyProto
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.value_type import ValueType

from feature_repo.stores.copying import Copying
from feature_repo.stores.packed_protos import (
    EventRow,
    ReadRow,
    key_value,
    rows_from_protos,
    rows_to_protos,
)
from feature_repo.stores.packed_reading import Found, States, Want
from feature_repo.stores.packed_rows import BIAS, Key, RowFormat, key_bytes, microseconds
from feature_repo.stores.packed_sqlite import SqliteBackend
from governance.errors import InputError

DATA_TYPES = {
    ValueType.INT64: "bigint",
    ValueType.DOUBLE: "double",
    ValueType.FLOAT: "float",
    ValueType.BOOL: "boolean",
    ValueType.UNIX_TIMESTAMP: "timestamp",
    ValueType.STRING: "varchar",
    ValueType.INT64_LIST: "bigint[]",
    ValueType.DOUBLE_LIST: "double[]",
    ValueType.FLOAT_LIST: "float[]",
    ValueType.STRING_LIST: "varchar[]",
}
KEY_TYPES = (ValueType.STRING, ValueType.INT64)
NEVER = -BIAS


class Backend(Protocol):
    """Where records lie; see ``packed_sqlite.py`` for what each method promises."""

    def prepare(self, row_format: RowFormat) -> None: ...
    def drop(self, view: str) -> None: ...
    def writing(self, row_format: RowFormat) -> AbstractContextManager[None]: ...
    def write(
        self, row_format: RowFormat, keys: Sequence[bytes], records: Sequence[bytes]
    ) -> int: ...
    def copying(self, row_format: RowFormat) -> Copying: ...
    def read(
        self, formats: Sequence[RowFormat], keys: Sequence[bytes]
    ) -> list[list[bytes | None]]: ...
    def read_rows(self, wants: Sequence[Want]) -> Found: ...
    def all_states(self) -> States: ...
    def states(self, views: Sequence[str]) -> dict[str, tuple[bytes, int | None]]: ...
    def delete(self, entity: str, ids: Sequence[Key]) -> dict[str, int]: ...


class PackedOnlineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """The ``online_store`` part of feature_store.yaml."""

    type: Literal["feature_repo.stores.packed_online.PackedOnlineStore"]
    backend: Literal["sqlite", "redis"] = "sqlite"
    path: str = "online.db"
    redis_url: str = "localhost:6379"
    clock: Literal["data", "wall"] = "data"


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
        with self.backend(config).writing(layout):
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
    ) -> int:
        """Write rows inside the backend's ``writing``; how many took an older one's place."""
        keys = key_bytes(layout.keys, [rows.column(key).to_pylist() for key in layout.keys])
        records = layout.pack(rows, event_at=event_at, created_at=created_at)
        return self.backend(config).write(layout, keys, records)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKeyProto],
        requested_features: list[str] | None = None,
    ) -> list[ReadRow]:
        """Feast's way out: the event time and a protobuf per feature, or (None, None)."""
        layout, backend = row_format(table), self.backend(config)
        columns = [[key_value(key, name) for key in entity_keys] for name in layout.keys]
        now = self.now(config, backend.all_states())
        [records] = backend.read([layout], key_bytes(layout.keys, columns))
        wanted = set(requested_features or (name for name, _ in layout.fields))
        oldest = now - table.ttl // timedelta(microseconds=1) if table.ttl else None
        return rows_to_protos(layout, records, wanted, oldest=oldest)

    def read_rows(self, config: RepoConfig, wants: Sequence[Want]) -> Found:
        """States, and rows as arrays, of all wants: what a ``MatrixPlan`` makes numbers of."""
        return self.backend(config).read_rows(wants)

    def now(self, config: RepoConfig, states: States) -> int:
        """What ages are measured from, in microseconds since 1970 (see above)."""
        if config.online_store.clock == "wall":
            return microseconds(datetime.now(UTC))
        return NEVER if states.newest_at is None else states.newest_at

    def delete_entities(
        self, config: RepoConfig, *, entity: str, ids: Sequence[Key]
    ) -> dict[str, int]:
        """Remove every row of ``ids``, whatever the view; how many were there, by view.

        Composite keys that contain one of ``ids`` count too. The offline tables are not touched:
        the next materialisation writes what they still hold.
        """
        return self.backend(config).delete(entity, ids)


def row_format(view: FeatureView) -> RowFormat:
    """The layout of a Feast view's records; keys and types it cannot hold are refused."""
    for entity in view.entity_columns:
        if entity.dtype.to_value_type() not in KEY_TYPES:
            raise InputError(
                f"key {entity.name} of {view.name} is {entity.dtype}",
                why="keys of the packed online store are text or whole numbers",
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
