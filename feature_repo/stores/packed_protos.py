"""Packed records to and from Feast's protobufs: the slow way in and out, for Feast's own calls.

Push, ``write_to_online_store`` and ``get_online_features`` speak protobuf; predictors and
materialisation do not come through here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from feast.protos.feast.types.EntityKey_pb2 import EntityKey as EntityKeyProto
from feast.protos.feast.types.Value_pb2 import DoubleList, FloatList, Int64List, StringList
from feast.protos.feast.types.Value_pb2 import Value as ValueProto

from feature_repo.stores.packed_rows import Key, RowFormat, event_microseconds, microseconds

EventRow = tuple[EntityKeyProto, dict[str, ValueProto], datetime, datetime | None]
ReadRow = tuple[datetime | None, dict[str, ValueProto] | None]

EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
ARROW_TYPES = {
    "bigint": pa.int64(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "varchar": pa.string(),
    "bigint[]": pa.list_(pa.int64()),
    "double[]": pa.list_(pa.float64()),
    "float[]": pa.list_(pa.float32()),
    "varchar[]": pa.list_(pa.string()),
}
PROTO_FIELDS = {
    "bigint": "int64_val",
    "double": "double_val",
    "float": "float_val",
    "boolean": "bool_val",
    "timestamp": "unix_timestamp_val",
    "varchar": "string_val",
    "bigint[]": "int64_list_val",
    "double[]": "double_list_val",
    "float[]": "float_list_val",
    "varchar[]": "string_list_val",
}
LISTS = {
    "bigint[]": Int64List,
    "double[]": DoubleList,
    "float[]": FloatList,
    "varchar[]": StringList,
}


def rows_to_protos(
    layout: RowFormat,
    records: Sequence[bytes | None],
    wanted: set[str],
    *,
    oldest: int | None = None,
) -> list[ReadRow]:
    """Feast's answer for each record; one before ``oldest`` (microseconds) is not found."""
    rows, found = layout.unpack(records)
    nulls, events = layout.nulls(rows), event_microseconds(rows)
    if oldest is not None:
        found = found & (events >= oldest)
    columns = {
        name: _protos(kind, layout.cells(name, records, rows), nulls[:, index] | ~found)
        for index, (name, kind) in enumerate(layout.ordered)
        if name in wanted
    }
    moments = zip(events.tolist(), found, strict=True)
    times = [EPOCH_UTC + timedelta(microseconds=at) if ok else None for at, ok in moments]
    return [
        (None, None) if at is None else (at, {name: cells[n] for name, cells in columns.items()})
        for n, at in enumerate(times)
    ]


def _protos(kind: str, cells: Sequence[Any], nulls: npt.NDArray[np.bool_]) -> list[ValueProto]:
    field, is_time = PROTO_FIELDS[kind], kind == "timestamp"
    as_list = LISTS.get(kind)
    answer = []
    for cell, is_null in zip(cells, nulls.tolist(), strict=True):
        if is_null:
            answer.append(ValueProto())
        elif as_list is not None:
            answer.append(ValueProto(**{field: as_list(val=cell)}))
        else:
            answer.append(ValueProto(**{field: cell // 1_000_000 if is_time else cell}))
    return answer


def rows_from_protos(layout: RowFormat, data: list[EventRow]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        key: pa.array([key_value(row[0], key) for row in data]) for key in layout.keys
    }
    for name, kind in layout.fields:
        cells = [_python(row[1].get(name), kind) for row in data]
        columns[name] = pa.array(cells, ARROW_TYPES[kind])
    events = [microseconds(row[2]) for row in data]
    created = [None if row[3] is None else microseconds(row[3]) for row in data]
    columns["event_at"] = pa.array(events, pa.int64()).cast(pa.timestamp("us"))
    columns["created_at"] = pa.array(created, pa.int64()).cast(pa.timestamp("us"))
    return pa.table(columns)


def _python(value: ValueProto | None, kind: str) -> object:
    if value is None or value.WhichOneof("val") is None:
        return None
    cell = getattr(value, str(value.WhichOneof("val")))
    if kind in LISTS:
        return list(cell.val)
    return int(cell) * 1_000_000 if kind == "timestamp" else cell


def key_value(key: EntityKeyProto, name: str) -> Key:
    value = key.entity_values[list(key.join_keys).index(name)]
    cell: Key = value.int64_val if value.WhichOneof("val") == "int64_val" else value.string_val
    return cell
