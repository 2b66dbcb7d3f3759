"""The rows that a training set asks features for: read more than once, never changed.

Given as a pandas frame, an Arrow table, Parquet files, SQL text, or a window of times in which
every row of a feature table is a label. Files and answers of SQL are never wholly in memory:
``asof_join.py`` takes from them the keys and times, and later the rows, in chunks. Feast-free.
"""

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.stores.feature_table import FeatureTable, naive_utc, quoted
from governance.errors import InputError

MICROSECONDS = pa.timestamp("us")
NARROW_ROWS = 100_000  # rows read at a time: keys and times of 100 k rows are a few MB


@dataclass(frozen=True)
class LabelRows:
    """Label rows in memory (``source`` is a table) or on disk (Parquet files of one schema)."""

    source: pa.Table | tuple[Path, ...]

    @property
    def schema(self) -> pa.Schema:
        if isinstance(self.source, pa.Table):
            return self.source.schema
        return pq.read_schema(self.source[0]).remove_metadata()

    def table(self) -> pa.Table:
        """All rows in memory."""
        if isinstance(self.source, pa.Table):
            return self.source
        return pa.Table.from_batches(self.batches(chunk_rows=NARROW_ROWS), schema=self.schema)

    def batches(
        self, columns: Sequence[str] | None = None, *, chunk_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """The rows in their order, at most ``chunk_rows`` at a time."""
        if isinstance(self.source, pa.Table):
            table = self.source if columns is None else self.source.select(columns)
            yield from table.to_batches(max_chunksize=chunk_rows)
            return
        for path in self.source:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(chunk_rows, columns=columns):
                    yield batch.cast(pa.schema([self.schema.field(c) for c in batch.schema.names]))

    def narrow(self, keys: Sequence[str], label_at: str) -> pa.Table | pa.RecordBatchReader:
        """Columns key_0, key_1, ..., label_at and place; times as naive UTC microseconds."""
        names = [*(f"key_{i}" for i in range(len(keys))), "label_at", "place"]
        kinds = [_narrow_type(self.schema.field(key).type) for key in keys]
        schema = pa.schema(list(zip(names, [*kinds, MICROSECONDS, pa.int64()], strict=True)))

        def rows() -> Iterator[pa.RecordBatch]:
            place = 0
            wanted = [*keys, label_at]
            for batch in self.batches(list(dict.fromkeys(wanted)), chunk_rows=NARROW_ROWS):
                columns = [_narrow(batch[column]) for column in wanted]
                places = pa.array(np.arange(place, place + batch.num_rows))
                yield pa.record_batch([*columns, places], schema=schema)
                place += batch.num_rows

        if isinstance(self.source, pa.Table):  # DuckDB reads a table in parallel
            return pa.Table.from_batches(rows(), schema=schema)
        return pa.RecordBatchReader.from_batches(schema, rows())

    def time_range(self, label_at: str) -> tuple[datetime, datetime] | None:
        """The first and last time of a label, in UTC; None where no label has one."""
        bounds: list[datetime] = []
        for batch in self.batches([label_at], chunk_rows=NARROW_ROWS):
            column = _narrow(batch[label_at]).cast(MICROSECONDS)
            found = pc.min_max(column).as_py()
            bounds += [at.replace(tzinfo=UTC) for at in found.values() if at is not None]
        return (min(bounds), max(bounds)) if bounds else None


@dataclass(frozen=True)
class Window:
    """Labels without label rows: every row of ``table`` with an event time in the window."""

    table: FeatureTable
    start: datetime | None
    end: datetime

    def sql(self, label_at: str) -> str:
        """Distinct keys and event times, in time order."""
        keys = [f"{quoted(source)} as {quoted(label)}" for label, source in self.table.keys]
        event = self.table.event_sql
        after = f"{event} >= timestamp '{naive_utc(self.start)}'" if self.start else "true"
        return f"""
            select distinct {", ".join([*keys, f"{event} as {quoted(label_at)}"])}
            from {self.table.relation}
            where {after} and {event} <= timestamp '{naive_utc(self.end)}'
            order by all
        """


Given: TypeAlias = pd.DataFrame | pa.Table | str | Path | Window


@contextmanager
def open_labels(
    connection: duckdb.DuckDBPyConnection, given: Given, *, label_at: str
) -> Iterator[LabelRows]:
    """``given`` as label rows, valid inside the ``with``.

    Text that ends in ``.parquet`` is a path or a glob, other text is a select that DuckDB runs.
    """
    if isinstance(given, pa.Table):
        yield LabelRows(given)
    elif isinstance(given, pd.DataFrame):
        table = pa.Table.from_pandas(given, preserve_index=False)
        yield LabelRows(table.replace_schema_metadata(None))
    elif isinstance(given, Path) or (isinstance(given, str) and given.endswith(".parquet")):
        yield LabelRows(_files(str(given)))
    else:
        query = given.sql(label_at) if isinstance(given, Window) else given
        with TemporaryDirectory(prefix="counterfoil-labels-") as folder:
            path = Path(folder) / "labels.parquet"
            _copy(connection, query, path)
            yield LabelRows((path,))


def _files(pattern: str) -> tuple[Path, ...]:
    files = tuple(map(Path, sorted(glob.glob(pattern, recursive=True)))) or (Path(pattern),)
    if not files[0].is_file():
        raise InputError(
            "there are no label rows",
            where=pattern,
            why="no Parquet file is there",
            next_step="give the path of a Parquet file, or a glob that finds some",
        )
    return files


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    text = query.strip().removesuffix(";")
    target = str(path).replace("'", "''")
    try:
        connection.execute(f"copy ({text}) to '{target}' (format parquet)").fetchall()
    except duckdb.Error as error:
        raise InputError(
            "the label rows cannot be selected",
            where=" ".join(text.split())[:200],
            why=str(error).splitlines()[0],
            next_step="give a select that DuckDB runs, such as select * from 'labels.parquet'",
        ) from None


def _narrow_type(kind: pa.DataType) -> pa.DataType:
    return MICROSECONDS if pa.types.is_timestamp(kind) else kind


def _narrow(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type) and column.type != MICROSECONDS:
        return pc.cast(column, MICROSECONDS, safe=False)
    return column


def refuse_bad_labels(schema: pa.Schema, tables: Sequence[FeatureTable], label_at: str) -> None:
    """Say which column is missing, is no timestamp, or would stand twice in the result."""
    keys = {label for table in tables for label, _ in table.keys}
    if missing := sorted({label_at, *keys} - set(schema.names)):
        raise InputError(
            f"the label rows have no column {missing[0]}",
            why=f"their columns are {', '.join(schema.names)}",
            next_step=f"give every label row {', '.join(sorted(keys))} and {label_at}",
        )
    if not pa.types.is_timestamp(schema.field(label_at).type):
        raise InputError(
            f"{label_at} of the label rows is {schema.field(label_at).type}",
            why="a point-in-time join needs a timestamp",
            next_step="cast it to timestamp[us], naive and in UTC",
        )
    outputs = [*schema.names, *(out for table in tables for out, _ in table.features)]
    if repeated := sorted({column for column in outputs if outputs.count(column) > 1}):
        raise InputError(
            f"column {repeated[0]} would appear twice in the joined rows",
            why="label columns and features share one table",
            next_step="rename the label column, or ask for full feature names",
        )
