"""Rows to be pushed: read from JSON lines or Parquet, and held against their declaration.

Every row is checked before anything is written, by the types and the very rules that hold for the
feature table itself (``governance/contracts.py``). One bad row refuses them all; the error names
column, check and row numbers, counted from 1 (in JSON lines: the line). Feast-free.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.row_layout import ARROW_TYPES, arrow_schema
from governance.declarations import Column, FeatureModel
from governance.errors import ContractFailed, InputError

FUTURE = timedelta(days=1)  # a day's row may stand at the midnight that ends it
SAMPLES = 2  # bad rows shown for each check; enough to find the rest with
INT64 = range(-(1 << 63), 1 << 63)
_PARQUET = b"PAR1"  # how a Parquet file begins


@dataclass
class Refusals:
    """What is wrong, by (column, check): bad rows and the first of them."""

    found: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, column: str, check: str, where: str) -> None:
        self.found.setdefault((column, check), []).append(where)

    def refuse(self, model: FeatureModel, *, rows: int) -> None:
        """Raise ContractFailed if anything was added."""
        if not self.found:
            return
        failures = [
            (column, check, len(bad), "; ".join(bad[:SAMPLES]))
            for (column, check), bad in self.found.items()
        ]
        raise ContractFailed(
            f"{rows:,} rows for {model.name} are refused: {len(failures)} checks failed",
            failures=failures,
            rows=[("declared", f"{model.path}:{model.line}")],
            why="rows are pushed all or not at all",
            next_step="mend the rows, or the declaration, and push again",
        )


@dataclass(frozen=True)
class GivenRows:
    """Rows of the declared columns; ``created_timestamp`` may still be null."""

    table: pa.Table
    numbers: Sequence[int]  # of each row in what it came from, from 1


def read_rows(model: FeatureModel, source: Path | BinaryIO) -> GivenRows:
    """The rows of a Parquet file, or else of JSON lines; types are those declared."""
    if not isinstance(source, Path):
        return _from_json(model, source)
    try:
        with source.open("rb") as stream:
            if stream.read(len(_PARQUET)) != _PARQUET:
                stream.seek(0)
                return _from_json(model, stream)
        return from_arrow(model, pq.read_table(source, partitioning=None))
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"{source} cannot be read",
            where=str(source),
            why=str(error),
            next_step="name a file of JSON lines or Parquet, or - for JSON lines from a pipe",
        ) from None


def from_arrow(model: FeatureModel, table: pa.Table) -> GivenRows:
    """A table's columns as declared; a column of another type is refused whole."""
    refusals, columns = Refusals(), {}
    _refuse_unknown(model, table.column_names, refusals, where="column")
    for column in model.columns:
        if column.name not in table.column_names:
            columns[column.name] = pa.nulls(table.num_rows, ARROW_TYPES[column.data_type])
            continue
        given = table[column.name]
        try:
            columns[column.name] = _declared(given, ARROW_TYPES[column.data_type])
        except pa.ArrowInvalid as error:
            refusals.add(column.name, f"is {column.data_type}", str(error))
        except (pa.ArrowNotImplementedError, TypeError):
            refusals.add(column.name, f"is {column.data_type}", f"the column is {given.type}")
    refusals.refuse(model, rows=table.num_rows)
    return GivenRows(pa.table(columns, arrow_schema(model)), range(1, table.num_rows + 1))


def refuse_bad_rows(model: FeatureModel, rows: GivenRows) -> None:
    """Hold rows, complete with their creation, against the declared rules."""
    import ibis  # takes a second to import: only when there are rows

    from governance.contracts import ROW_NUMBER, feature_contract

    rules = feature_contract(model).rules
    numbered = rows.table.append_column(ROW_NUMBER, pa.array(range(rows.table.num_rows)))
    table = ibis.memtable(numbered)
    wanted = {f"rule_{n}": rule.holds(table) for n, rule in enumerate(rules)}
    flags = ibis.duckdb.connect().to_pyarrow(table.select(ROW_NUMBER, **wanted))
    refusals = Refusals()
    for number, rule in enumerate(rules):
        for place in _false(flags, f"rule_{number}"):
            shown = rule.column.split(", ")
            values = " ".join(f"{name}={rows.table[name][place].as_py()}" for name in shown)
            refusals.add(rule.column, rule.label, f"row {rows.numbers[place]} {values}")
    refusals.refuse(model, rows=rows.table.num_rows)


def refuse_future_rows(model: FeatureModel, rows: GivenRows, *, now: datetime) -> None:
    """An event of the day after tomorrow would move the store's clock and expire all other rows."""
    refusals, latest = Refusals(), now + FUTURE
    for number, at in zip(rows.numbers, rows.table[model.timestamp].to_pylist(), strict=True):
        if at is not None and at > latest:
            refusals.add(model.timestamp, f"<= {latest:%Y-%m-%d}", f"row {number} {at}")
    refusals.refuse(model, rows=rows.table.num_rows)


def _false(flags: pa.Table, name: str) -> list[int]:
    from governance.contracts import ROW_NUMBER

    pairs = zip(flags[ROW_NUMBER].to_pylist(), flags[name].to_pylist(), strict=True)
    return sorted(place for place, passes in pairs if not passes)


def _from_json(model: FeatureModel, lines: Iterable[bytes]) -> GivenRows:
    refusals, numbers = Refusals(), []
    cells: dict[str, list[object]] = {column.name: [] for column in model.columns}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        numbers.append(number)
        row = _parsed(line, number, refusals)
        _refuse_unknown(model, row, refusals, where=f"row {number}")
        for column in model.columns:
            cells[column.name].append(_cell(column, row.get(column.name), number, refusals))
    refusals.refuse(model, rows=len(numbers))
    return GivenRows(pa.table(cells, arrow_schema(model)), numbers)


def _parsed(line: bytes, number: int, refusals: Refusals) -> Mapping[str, object]:
    try:
        row = json.loads(line)
    except ValueError as error:
        refusals.add("(line)", "is JSON", f"row {number} {error}")
        return {}
    if not isinstance(row, dict):
        refusals.add("(line)", "is an object", f"row {number} {line[:40]!r}")
        return {}
    return row


def _refuse_unknown(
    model: FeatureModel, names: Iterable[str], refusals: Refusals, *, where: str
) -> None:
    known = {column.name for column in model.columns}
    for name in names:
        if name not in known:
            refusals.add(name, "is declared", where)


def _cell(column: Column, value: object, number: int, refusals: Refusals) -> object:
    if value is None:
        return None
    try:
        return _typed(value, column.data_type)
    except ValueError:
        shown = json.dumps(value)[:40]
        refusals.add(column.name, f"is {column.data_type}", f"row {number} {shown}")
        return None


def _typed(value: object, data_type: str) -> object:
    """The value as Arrow takes it; ValueError if it is of another type."""
    if data_type.endswith("[]") and isinstance(value, list):
        return [_typed(part, data_type.removesuffix("[]")) for part in value]
    if data_type in {"timestamp", "date"} and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        return date.fromisoformat(value) if data_type == "date" else naive
    if data_type == "bigint" and type(value) is int and value in INT64:
        return value
    if data_type in {"double", "float"} and type(value) in {int, float}:
        return float(value)  # type: ignore[arg-type]
    if (data_type, type(value)) in {("varchar", str), ("boolean", bool)}:
        return value
    raise ValueError(data_type)


def _declared(given: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """Casts that lose nothing, but for nanoseconds; a number is no text and a text no number."""
    if pa.types.is_dictionary(given.type):
        given = given.cast(given.type.value_type)
    kinds = (pa.types.is_temporal, pa.types.is_boolean, _is_text)
    if not pa.types.is_null(given.type) and any(k(given.type) != k(wanted) for k in kinds):
        raise TypeError
    if pa.types.is_timestamp(given.type) and given.type.tz:
        given = given.cast(pa.timestamp("us", "UTC"), safe=False)
    if pa.types.is_integer(wanted) and pa.types.is_floating(given.type):
        raise TypeError
    return given.cast(wanted, safe=not pa.types.is_timestamp(wanted))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
