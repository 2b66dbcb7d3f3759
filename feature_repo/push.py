"""Push: rows that arrive between two builds, into the offline and the online store together.

``counterfoil push TABLE FILE``. Offline first: a file in ``features/pushed/<table>/`` named by the
digest of the rows, then online, by compare and set. So a push killed in between is mended by
pushing the same rows again, and pushing them once more changes nothing. Late and out-of-order rows
land right: offline keeps every row, online the newest by event and creation. Feast's own
``store.push("<table>_push", ...)`` comes to the same two places, by protobuf. Feast-free.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from feature_repo.pushed_rows import GivenRows, refuse_bad_rows, refuse_future_rows
from feature_repo.row_layout import row_format
from feature_repo.stores.feature_table import naive_utc, pushed_dir
from feature_repo.stores.packed_redis import RedisBackend
from feature_repo.stores.packed_rows import NEWER_BYTES, key_bytes
from feature_repo.stores.packed_sqlite import SqliteBackend
from governance.declarations import FeatureModel, read_feature_models
from governance.errors import InputError, StateError
from governance.files import atomic_path
from governance.settings import Settings

CHUNK_ROWS = 20_000


@dataclass(frozen=True)
class Pushed:
    """What became of the rows; online those not written were older, or there already."""

    table: str
    rows: int
    online_written: int
    online_kept: int
    offline_file: Path
    is_repeat: bool  # these rows were offline already


def model_named(settings: Settings, name: str) -> FeatureModel:
    """The declared feature table of that name."""
    models = {model.name: model for model in read_feature_models(settings.dbt_dir)}
    if name not in models:
        raise InputError(
            f"no feature table is named {name}",
            where="counterfoil push TABLE FILE",
            why=f"the tables are {', '.join(models)}",
            next_step="counterfoil features ls",
        )
    return models[name]


def push(
    settings: Settings, model: FeatureModel, given: GivenRows, *, created_at: datetime
) -> Pushed:
    """Check all rows, then write them offline and online; a row that does not say was created now.

    Nothing is written when a row is bad, or when the view is not ready online.
    """
    complete = _with_creation(model, given, naive_utc(created_at))
    refuse_bad_rows(model, complete)
    refuse_future_rows(model, complete, now=naive_utc(created_at))
    backend = _backend(settings)
    _refuse_unready(model, backend)
    folder = pushed_dir(str(settings.features_dir / f"{model.name}.parquet"))
    digest = _digest(given.table)
    with _alone(folder):
        found = sorted(folder.glob(f"*-{digest}.parquet"))
        path = found[0] if found else folder / f"{created_at:%Y%m%dT%H%M%S%f}-{digest}.parquet"
        if not found:
            with atomic_path(path) as beside:
                pq.write_table(complete.table, beside)
    rows = pq.read_table(path, partitioning=None)
    written = _write_online(model, backend, rows) if model.is_online else 0
    return Pushed(
        table=model.name,
        rows=rows.num_rows,
        online_written=written,
        online_kept=rows.num_rows - written if model.is_online else 0,
        offline_file=path,
        is_repeat=bool(found),
    )


def _with_creation(model: FeatureModel, given: GivenRows, created_at: datetime) -> GivenRows:
    place = given.table.schema.get_field_index(model.created_timestamp)
    now = pa.scalar(created_at, pa.timestamp("us"))
    filled = given.table.column(place).fill_null(now)
    return GivenRows(given.table.set_column(place, model.created_timestamp, filled), given.numbers)


def _write_online(
    model: FeatureModel, backend: SqliteBackend | RedisBackend, rows: pa.Table
) -> int:
    """The newest row of each key, as one transaction where there is one; how many were newer."""
    layout, newest = row_format(model), dict[bytes, bytes]()
    for batch in rows.to_batches(max_chunksize=CHUNK_ROWS):
        keys = key_bytes(layout.keys, [batch.column(key).to_pylist() for key in layout.keys])
        records = layout.pack(batch, event_at=model.timestamp, created_at=model.created_timestamp)
        for key, record in zip(keys, records, strict=True):
            if newest.get(key, b"")[:NEWER_BYTES] <= record[:NEWER_BYTES]:
                newest[key] = record
    with backend.writing(layout):
        return backend.write(layout, list(newest), list(newest.values()))


def _backend(settings: Settings) -> SqliteBackend | RedisBackend:
    if settings.online_store == "sqlite":
        return SqliteBackend(settings.online_path)
    text = (settings.feature_repo_dir / "feature_store.yaml").read_text(encoding="utf-8")
    return RedisBackend(settings.redis_url, yaml.safe_load(text)["project"])


def _refuse_unready(model: FeatureModel, backend: SqliteBackend | RedisBackend) -> None:
    if not model.is_online:
        return
    schema, _ = backend.states([model.name]).get(model.name, (b"", None))
    if schema != row_format(model).schema:
        raise StateError(
            f"{model.name} is not ready online",
            where=f"{model.path}:{model.line}",
            why="the online store does not know it" if not schema else "its columns were others",
            next_step="counterfoil build",
        )


def _digest(table: pa.Table) -> str:
    """Of the rows as they were given: the same rows pushed again are known by it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()[:32]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One push to a table at a time looks for its file and writes it; freed on a kill."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
