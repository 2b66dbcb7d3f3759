"""Packed records to and from Feast's protobufs: the slow way in and out, for Feast's own calls.

Push, ``write_to_online_store`` and ``get_online_features`` speak protobuf; predictors and
materialisation do not come through here.
"""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from feast.protos.feast.types.EntityKey_pb2 import EntityKey as EntityKeyProto
from feast.protos.feast.types.Value_pb2 import Value as ValueProto

from feature_repo.stores.packed_rows import RowFormat, event_microseconds, microseconds

EventRow = tuple[EntityKeyProto, dict[str, ValueProto], datetime, datetime | None]
ReadRow = tuple[datetime | None, dict[str, ValueProto] | None]

EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
ARROW_TYPES = {
    "bigint": pa.int64(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}
PROTO_FIELDS = {
    "bigint": "int64_val",
    "double": "double_val",
    "float": "float_val",
    "boolean": "bool_val",
    "timestamp": "unix_timestamp_val",
}


def rows_to_protos(
    layout: RowFormat, records: list[bytes | None], wanted: set[str]
) -> list[ReadRow]:
    rows, found = layout.unpack(records)
    nulls, events = layout.nulls(rows), event_microseconds(rows)
    columns = {
        name: (PROTO_FIELDS[kind], index, rows[f"f_{name}"].tolist(), kind == "timestamp")
        for index, (name, kind) in enumerate(layout.ordered)
        if name in wanted
    }
    answer: list[ReadRow] = []
    for place in range(len(records)):
        if not found[place]:
            answer.append((None, None))
            continue
        values = {
            name: ValueProto()
            if nulls[place, index]
            else ValueProto(**{field: cells[place] // 1_000_000 if is_time else cells[place]})
            for name, (field, index, cells, is_time) in columns.items()
        }
        answer.append((EPOCH_UTC + timedelta(microseconds=int(events[place])), values))
    return answer


def rows_from_protos(layout: RowFormat, data: list[EventRow]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        key: pa.array([key_text(row[0], key) for row in data], pa.string()) for key in layout.keys
    }
    for name, kind in layout.fields:
        cells = [_python(row[1].get(name), kind) for row in data]
        columns[name] = pa.array(cells, ARROW_TYPES[kind])
    events = [microseconds(row[2]) for row in data]
    created = [None if row[3] is None else microseconds(row[3]) for row in data]
    columns["event_at"] = pa.array(events, pa.int64()).cast(pa.timestamp("us"))
    columns["created_at"] = pa.array(created, pa.int64()).cast(pa.timestamp("us"))
    return pa.table(columns)


def _python(value: ValueProto | None, kind: str) -> float | int | bool | None:
    if value is None or value.WhichOneof("val") is None:
        return None
    cell: float | int | bool = getattr(value, str(value.WhichOneof("val")))
    return int(cell) * 1_000_000 if kind == "timestamp" else cell


def key_text(key: EntityKeyProto, name: str) -> str:
    text: str = key.entity_values[list(key.join_keys).index(name)].string_val
    return text
