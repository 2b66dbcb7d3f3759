"""Small records to put into either place, for the tests of ``feature_repo/stores/packed_*.py``."""

from datetime import datetime, timedelta

import pyarrow as pa
from killed_copying import open_backend

from feature_repo.stores.packed_rows import RowFormat, key_bytes

DAY_0 = datetime(2017, 1, 1)  # noqa: DTZ001  the files hold naive UTC
US = pa.timestamp("us")
TYPES = {
    "bigint": pa.int64(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "timestamp": US,
    "varchar": pa.string(),
    "bigint[]": pa.list_(pa.int64()),
    "double[]": pa.list_(pa.float64()),
    "float[]": pa.list_(pa.float32()),
    "varchar[]": pa.list_(pa.string()),
}
LAYOUT = RowFormat("v", ("item_id",), (("n", "bigint"), ("x", "double"), ("flag", "boolean")))
TEXTS = RowFormat("texts", ("item_id",), (("n", "bigint"), ("title", "varchar")))
PAIRS = RowFormat("pairs", ("user_id", "item_id"), (("n", "bigint"),))


def empty_backend(kind, tmp_path, request):
    """A place of this kind that holds nothing."""
    if kind == "sqlite":
        return open_backend("sqlite", tmp_path / "online.db")
    backend = open_backend("redis", request.getfixturevalue("redis_url"))
    backend._redis.flushall()
    return backend


def record(event, created=None, value=0, layout=LAYOUT):
    """One packed record; its text, if it has one, is the value's too."""
    cells = {"n": value, "title": f"title {value}"}
    columns = {
        name: pa.array([cells.get(name)], TYPES[kind], from_pandas=True)
        for name, kind in layout.fields
    }
    made = None if created is None else DAY_0 + timedelta(days=created)
    columns["at"] = pa.array([DAY_0 + timedelta(days=event)], US)
    columns["made"] = pa.array([made], US)
    return layout.pack(pa.table(columns), event_at="at", created_at="made")[0]


def keys_of(layout, ids):
    """Entity keys of ids, which are tuples in the order of the layout's keys if it has several."""
    many = len(layout.keys) > 1
    columns = [[row[n] for row in ids] for n in range(len(layout.keys))] if many else [ids]
    return key_bytes(layout.keys, columns)


def push(backend, cells, layout=LAYOUT):
    with backend.writing(layout):
        backend.write(layout, keys_of(layout, list(cells)), list(cells.values()))


def materialise(backend, cells, *, until, layout=LAYOUT):
    """Replace what was known until that day."""
    made = sorted(zip(keys_of(layout, list(cells)), cells.values(), strict=True))
    end, copying = DAY_0 + timedelta(days=until), backend.copying(layout)
    checkpoint = copying.begin(source=repr(made), is_whole=True, end=end)
    if made:
        checkpoint = copying.replace(checkpoint, *map(list, zip(*made, strict=True)))
    copying.finish(checkpoint, start=DAY_0, end=end)


def values(backend, ids, layout=LAYOUT):
    [records] = backend.read([layout], keys_of(layout, ids))
    unpacked, found = layout.unpack(records)
    return [int(n) if ok else None for n, ok in zip(unpacked["f_n"], found, strict=True)]
