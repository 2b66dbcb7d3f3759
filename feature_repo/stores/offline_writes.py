"""Rows pushed to a feature table: each push is one new file beside the base file, whole or absent.

The base file is dbt's and is never rewritten here; readers take base and pushed files together
(``feature_table.with_pushed``). Feast-free; ``asof_offline.py`` gives it to Feast.
"""

import uuid
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.stores.feature_table import naive_utc, pushed_dir
from governance.errors import InputError, StateError
from governance.files import atomic_path

_PANDAS_INDEX = "__index_level_"  # what pandas calls an index that it turns into a column


def append_rows(
    rows: pa.Table, *, base: str, event_at: str, created_at: str, pushed_at: datetime
) -> Path | None:
    """Write ``rows`` beside ``base`` in its schema; None: there was no row to write.

    A row that does not say when it was created was created by this push, at ``pushed_at``.
    """
    schema = _base_schema(base)
    fitted = _fitted(rows, schema, created_at=created_at, pushed_at=pushed_at, base=base)
    if fitted[event_at].null_count:
        raise InputError(
            f"{fitted[event_at].null_count} pushed rows have no {event_at}",
            where=base,
            why="a feature value holds from a moment on",
            next_step=f"give every row {event_at}",
        )
    if not fitted.num_rows:
        return None
    path = pushed_dir(base) / new_file_name(pushed_at)
    with atomic_path(path) as beside:
        pq.write_table(fitted, beside)
    return path


def append_log(rows: pa.Table | Path, *, folder: Path, logged_at: datetime) -> Path:
    """Write logged features as a new file of ``folder``; a path is a folder of Parquet files."""
    table = rows if isinstance(rows, pa.Table) else pq.read_table(rows)
    path = folder / new_file_name(logged_at)
    with atomic_path(path) as beside:
        pq.write_table(table, beside)
    return path


def new_file_name(at: datetime) -> str:
    """A name that no other file has and that sorts by time."""
    return f"{naive_utc(at):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}.parquet"


def _base_schema(base: str) -> pa.Schema:
    try:
        return pq.read_schema(base).remove_metadata()
    except FileNotFoundError:
        raise StateError(
            "there is no feature table to push to",
            where=base,
            why="pushed rows stand beside the table that dbt writes, in its schema",
            next_step="counterfoil build",
        ) from None


def _fitted(
    rows: pa.Table, schema: pa.Schema, *, created_at: str, pushed_at: datetime, base: str
) -> pa.Table:
    """The rows in the base file's columns and types, or an error that names the column."""
    named = [name for name in rows.column_names if not name.startswith(_PANDAS_INDEX)]
    missing = sorted(set(schema.names) - set(named) - {created_at})
    surplus = sorted(set(named) - set(schema.names))
    if missing or surplus:
        told = [f"missing: {', '.join(missing)}"] if missing else []
        told += [f"unknown: {', '.join(surplus)}"] if surplus else []
        raise InputError(
            "the pushed rows are not of the feature table's columns",
            where=base,
            why="; ".join(told),
            next_step=f"push rows with exactly {', '.join(schema.names)}",
        )
    columns = []
    for field in schema:
        values = rows[field.name] if field.name in named else pa.nulls(rows.num_rows, field.type)
        column = _cast(values, field, base)
        if field.name == created_at:
            column = pc.fill_null(column, pa.scalar(naive_utc(pushed_at), field.type))
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(values: pa.ChunkedArray, field: pa.Field, base: str) -> pa.ChunkedArray:
    given, wanted = values.type, field.type
    if given == wanted:
        return values
    try:
        if _is_refused(given, wanted):
            raise pa.ArrowInvalid(f"{given} is not read as {wanted}")
        return values.cast(wanted, safe=not pa.types.is_timestamp(wanted))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"{field.name} of the pushed rows is {given}",
            where=base,
            why=f"the feature table holds {wanted}: {error}",
            next_step=f"give {field.name} as {wanted}",
        ) from None


def _is_refused(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Text is not parsed, and only whole numbers turn into text."""
    if pa.types.is_null(given):
        return False
    if _is_text(wanted):
        return not (_is_text(given) or pa.types.is_integer(given))
    return _is_text(given) or pa.types.is_timestamp(given) != pa.types.is_timestamp(wanted)


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
