"""A feature table on disk, and the two ways to read it: the newest row of each key, or all.

What SQL sees of a Parquet feature table: its base file, then the files pushed since, in order.
``asof_join.py`` joins label rows with it, ``offline_writes.py`` adds pushed files. Feast-free.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

FILE_ROWS = 1 << 40  # more rows than any one file has: file number and row make one bigint


@dataclass(frozen=True)
class FeatureTable:
    """A Parquet feature table; a path may be a glob; keys pair label with source columns."""

    paths: tuple[str, ...]  # of rows alike in key and times, those of the later file win
    keys: tuple[tuple[str, str], ...]  # (label column, source column)
    event_at: str
    created_at: str  # "": the table has none
    features: tuple[tuple[str, str], ...]  # (output name, source column)
    ttl: timedelta | None = None  # None: rows never expire

    @property
    def relation(self) -> str:
        """Several files by names of columns: one pushed before a column was added lacks it."""
        by_name = ", union_by_name = true" if len(self.paths) > 1 else ""
        return f"read_parquet([{', '.join(map(_text, self.paths))}]{by_name})"

    @property
    def event_sql(self) -> str:
        return f"cast({quoted(self.event_at)} as timestamp)"

    @property
    def created_sql(self) -> str:
        """When the row was created; a row that does not say counts as the oldest."""
        known = f"cast({quoted(self.created_at)} as timestamp)" if self.created_at else "null"
        return f"coalesce({known}, timestamp '-infinity')"

    @property
    def spot_sql(self) -> str:
        """Where the row is on disk; a later file, then a later row, is greater."""
        return f"cast(file_index as bigint) * {FILE_ROWS} + cast(file_row_number as bigint)"


def pushed_dir(base: str) -> Path:
    """The folder of the rows pushed since ``base`` was built: ``pushed/<its name>`` beside it."""
    path = Path(base)
    return path.parent / "pushed" / path.stem


def with_pushed(base: str) -> tuple[str, ...]:
    """``base``, then the files pushed to it, oldest first."""
    return (base, *sorted(map(str, pushed_dir(base).glob("*.parquet"))))


@contextmanager
def connect(*, threads: int, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private in-memory DuckDB that reads zoned timestamps as UTC."""
    with TemporaryDirectory(prefix="counterfoil-") as spill:  # what does not fit in memory
        connection = duckdb.connect(
            config={"threads": threads, "memory_limit": memory_limit, "temp_directory": spill}
        )
        try:
            connection.execute("set timezone = 'UTC'")
            yield connection
        finally:
            connection.close()


def latest_rows(
    connection: duckdb.DuckDBPyConnection,
    table: FeatureTable,
    *,
    start: datetime,
    end: datetime,
    chunk_rows: int,
) -> pa.RecordBatchReader:
    """The newest row of each key in ``start <= event time <= end``, as known at ``end``."""
    keys = ", ".join(quoted(source) for _, source in table.keys) or "true"
    newest = f"row({table.event_sql}, {table.created_sql}, {table.spot_sql})"
    query = f"""
        with windowed as (
            select max({newest}) as newest
            from {table.relation}
            where {table.event_sql} between $start and $end and {table.created_sql} <= $end
            group by {keys}
        )
        select {columns_sql(table)}
        from windowed
        inner join {table.relation} as s on {table.spot_sql} = newest[3]
    """
    return connection.sql(
        query, params={"start": naive_utc(start), "end": naive_utc(end)}
    ).to_arrow_reader(chunk_rows)


def all_rows(
    connection: duckdb.DuckDBPyConnection,
    table: FeatureTable,
    *,
    start: datetime | None,
    end: datetime | None,
    chunk_rows: int,
) -> pa.RecordBatchReader:
    """Every row whose event time lies in the window, in file order, in chunks."""
    bounds = [(sign, naive_utc(at)) for sign, at in ((">=", start), ("<=", end)) if at is not None]
    where = " and ".join(f"{table.event_sql} {sign} ?" for sign, _ in bounds) or "true"
    query = f"""
        select {columns_sql(table)}
        from {table.relation} as s
        where {where}
        order by file_index, file_row_number
    """
    return connection.sql(query, params=[at for _, at in bounds]).to_arrow_reader(chunk_rows)


def quoted(identifier: str) -> str:
    """A quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def columns_sql(table: FeatureTable, *, keys: bool = True) -> str:
    """Source columns under their output names, times as naive UTC microseconds."""
    wanted = [f"s.{quoted(source)} as {quoted(out)}" for out, source in table.features]
    if keys:
        wanted = [f"s.{quoted(source)}" for _, source in table.keys] + wanted
        times = [column for column in (table.event_at, table.created_at) if column]
        wanted += [f"cast(s.{quoted(column)} as timestamp) as {quoted(column)}" for column in times]
    return ", ".join(wanted)


def naive_utc(moment: datetime) -> datetime:
    """The same moment as naive UTC, which is what the files hold."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _text(value: str) -> str:
    """A quoted SQL string."""
    return "'" + value.replace("'", "''") + "'"
