"""What a read knew of entities that rows were pushed for, row by row.

A point-in-time join asks when a row was created; the online store takes a pushed row whatever its
creation says. So for these few entities the rows are looked at one by one: those of the feature
table up to where it was materialised, and those of the files that had been pushed by the time of
the read. A read between a push's two writes, offline and then online, looks as if it lacked it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_repo.stores.feature_table import connect, pushed_dir, quoted
from feature_repo.stores.packed_rows import microseconds
from governance.declarations import FeatureModel
from governance.receipts import ReadAt
from governance.settings import Settings

Floats = npt.NDArray[np.float64]
NAME_TIME = "%Y%m%dT%H%M%S%f"  # pushed files are named by the time of their push


class ReadOfEntity(Protocol):
    """The part of a read that matters here."""

    @property
    def entity_id(self) -> str: ...
    @property
    def at(self) -> ReadAt: ...
    @property
    def made_at(self) -> datetime: ...


@dataclass(frozen=True)
class KnownRows:
    """Rows of some entities, in file order; times in microseconds since 1970."""

    ids: npt.NDArray[np.object_]
    event_at: npt.NDArray[np.int64]
    created_at: npt.NDArray[np.int64]
    pushed_at: npt.NDArray[np.int64]  # zero: of the feature table itself
    values: Floats

    def at_read(self, read: ReadOfEntity, view: str, *, ttl: int | None) -> Floats:
        """The newest row that the read could know, NaN where there is none or it is too old."""
        until = microseconds(read.at.views[view])
        built = (self.event_at <= until) & (self.created_at <= until)
        pushed = self.pushed_at <= microseconds(read.made_at)
        places = np.flatnonzero(
            (self.ids == read.entity_id) & np.where(self.pushed_at > 0, pushed, built)
        )
        if len(places):
            newest = max(places, key=lambda i: (self.event_at[i], self.created_at[i], i))
            if ttl is None or microseconds(read.at.clock) - self.event_at[newest] <= ttl:
                row: Floats = self.values[newest]
                return row
        return np.full(self.values.shape[1], np.nan)


def pushed_values(
    model: FeatureModel, names: Sequence[str], reads: Sequence[ReadOfEntity], settings: Settings
) -> Mapping[int, Floats]:
    """For each of ``reads`` whose entity has pushed rows, by its place: what it should have got."""
    base = settings.features_dir / f"{model.name}.parquet"
    files = sorted(pushed_dir(str(base)).glob("*.parquet"))
    if not files:
        return {}
    ids = sorted({read.entity_id for read in reads})
    rows = _rows(model, names, [base, *files], ids, settings)
    touched = set(rows.ids[rows.pushed_at > 0])
    ttl = microseconds_of(model)
    return {
        place: rows.at_read(read, model.name, ttl=ttl)
        for place, read in enumerate(reads)
        if read.entity_id in touched
    }


def microseconds_of(model: FeatureModel) -> int | None:
    """The ttl of a feature table; None where rows never expire."""
    return int(model.ttl.total_seconds() * 1e6) if model.ttl else None


def as_floats(column: pa.ChunkedArray) -> Floats:
    """A column as ``read_matrix`` gives it: float64, NaN for null, times in microseconds."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    return values


def _rows(
    model: FeatureModel,
    names: Sequence[str],
    files: Sequence[Path],
    ids: list[str],
    settings: Settings,
) -> KnownRows:
    [key] = model.entities
    columns = ", ".join(quoted(name) for name in names)
    query = f"""
        select cast({quoted(key)} as varchar) as id, file_index,
            epoch_us(cast({quoted(model.timestamp)} as timestamp)) as event_at,
            epoch_us(cast({quoted(model.created_timestamp)} as timestamp)) as created_at,
            {columns}
        from read_parquet($files, union_by_name = true)
        where cast({quoted(key)} as varchar) in (select unnest($ids))
        order by file_index, file_row_number
    """
    with connect(threads=settings.threads, memory_limit=settings.duckdb_memory_limit) as con:
        chosen = {"files": [str(path) for path in files], "ids": ids}
        table = con.sql(query, params=chosen).to_arrow_table()
    pushed_at = np.array([0, *(_pushed_at(path) for path in files[1:])], dtype=np.int64)
    return KnownRows(
        ids=np.array(table["id"].to_pylist(), dtype=object),
        event_at=table["event_at"].to_numpy(),
        created_at=table["created_at"].to_numpy(),
        pushed_at=pushed_at[table["file_index"].to_numpy()],
        values=np.column_stack([as_floats(table[name]) for name in names]),
    )


def _pushed_at(path: Path) -> int:
    text = path.name.partition("-")[0]
    return microseconds(datetime.strptime(text, NAME_TIME).replace(tzinfo=UTC))
