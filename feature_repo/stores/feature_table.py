"""A feature table on disk, and the two ways to read it: the newest row of each key, or all.

What SQL sees of a Parquet feature table; ``asof_join.py`` joins label rows with it. Feast-free.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa


@dataclass(frozen=True)
class FeatureTable:
    """A Parquet feature table: ``path`` may be a glob; keys pair label with source columns."""

    path: str
    keys: tuple[tuple[str, str], ...]  # (label column, source column)
    event_at: str
    created_at: str  # "": the table has none
    features: tuple[tuple[str, str], ...]  # (output name, source column)
    ttl: timedelta | None = None  # None: rows never expire

    @property
    def relation(self) -> str:
        return f"read_parquet({_text(self.path)})"

    @property
    def event_sql(self) -> str:
        return f"cast({quoted(self.event_at)} as timestamp)"

    @property
    def created_sql(self) -> str:
        """When the row was created; a row that does not say counts as the oldest."""
        known = f"cast({quoted(self.created_at)} as timestamp)" if self.created_at else "null"
        return f"coalesce({known}, timestamp '-infinity')"


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
    newest = f"row({table.event_sql}, {table.created_sql}, file_index, file_row_number)"
    query = f"""
        with windowed as (
            select max({newest}) as newest
            from {table.relation}
            where {table.event_sql} between $start and $end and {table.created_sql} <= $end
            group by {keys}
        )
        select {columns_sql(table)}
        from windowed
        inner join {table.relation} as s
            on s.file_index = newest[3] and s.file_row_number = newest[4]
    """
    return connection.sql(
        query, params={"start": _naive(start), "end": _naive(end)}
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
    bounds = [(sign, _naive(at)) for sign, at in ((">=", start), ("<=", end)) if at is not None]
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


def _naive(moment: datetime) -> datetime:
    """The same moment as naive UTC, which is what the files hold."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _text(value: str) -> str:
    """A quoted SQL string."""
    return "'" + value.replace("'", "''") + "'"
