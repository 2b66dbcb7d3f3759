"""What is materialised: the newest row of each key, in the order of the online store's keys."""

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo.stores import newest_rows
from feature_repo.stores.feature_table import FeatureTable, connect
from feature_repo.stores.newest_rows import NewestRows
from feature_repo.stores.packed_rows import key_bytes

DAY_0 = datetime(2017, 1, 1)  # noqa: DTZ001  the files hold naive UTC
US = pa.timestamp("us")
KEYS = ("user_id", "item_id")

texts = st.sampled_from(["1", "11", "1|1", "", "Ж", "a" * 255, "a" * 256, "a" * 300, None])
rows = st.lists(
    st.tuples(texts, texts, st.integers(0, 8), st.none() | st.integers(0, 8)), max_size=30
)


def write_table(path, data):
    users, items, events, created = [list(c) for c in zip(*data, strict=True)] or [[]] * 4
    columns = {
        "user_id": pa.array(users, pa.string()),
        "item_id": pa.array(items, pa.string()),
        "event_timestamp": pa.array([DAY_0 + timedelta(days=day) for day in events], US),
        "created_at": pa.array(
            [d if d is None else DAY_0 + timedelta(days=d) for d in created], US
        ),
        "place": pa.array(range(len(data)), pa.int64()),
    }
    pq.write_table(pa.table(columns), path)


def expected(tables, *, first, last):
    """(key, (file, place)) of the newest rows, by hand."""
    best = {}
    for file, data in enumerate(tables):
        for place, (user, item, event, created) in enumerate(data):
            known = -1 if created is None else created
            if user is None or item is None or not first <= event <= last or known > last:
                continue
            [key] = key_bytes(KEYS, [[user], [item]])
            best[key] = max(best.get(key, (-1,)), (event, known, file, place))
    return [(key, best[key][3]) for key in sorted(best)]


@pytest.fixture(scope="module")
def connection():
    with connect(threads=1, memory_limit="1GB") as opened:
        yield opened


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows, rows, st.integers(0, 4), st.integers(3, 8), st.integers(0, 40))
def test_each_key_comes_once_newest_row_in_order_and_behind_where_a_run_was(
    connection, tmp_path_factory, base, pushed, first, last, done
):
    folder = tmp_path_factory.mktemp("rows")
    for name, data in (("base", base), ("pushed", pushed)):
        write_table(folder / f"{name}.parquet", data)
    table = FeatureTable(
        paths=(str(folder / "base.parquet"), str(folder / "pushed.parquet")),
        keys=tuple((key, key) for key in KEYS),
        event_at="event_timestamp",
        created_at="created_at",
        features=(("place", "place"),),
    )
    window = DAY_0 + timedelta(days=first), DAY_0 + timedelta(days=last)
    wanted = expected((base, pushed), first=first, last=last)
    after = wanted[min(done, len(wanted)) - 1][0] if wanted and done else b""
    left = [(key, place) for key, place in wanted if key > after]
    found = NewestRows(connection, table, *window, chunk_rows=4)
    count = found.find(after=after)
    assert count == len(left)
    chunks = list(found.chunks(count))
    assert all(len(keys) <= 4 for keys, _ in chunks)
    pairs = [zip(keys, batch["place"].to_pylist(), strict=True) for keys, batch in chunks]
    assert [pair for part in pairs for pair in part] == left


def test_a_table_read_in_many_parts_gives_what_it_gives_in_one(connection, tmp_path, monkeypatch):
    data = [(str(n % 50), "1", n % 7, None) for n in range(400)]
    write_table(tmp_path / "t.parquet", data)
    table = FeatureTable(
        paths=(str(tmp_path / "t.parquet"),),
        keys=tuple((key, key) for key in KEYS),
        event_at="event_timestamp",
        created_at="created_at",
        features=(("place", "place"),),
    )
    monkeypatch.setattr(newest_rows, "PART_BYTES", 1)
    found = NewestRows(connection, table, DAY_0, DAY_0 + timedelta(days=9), chunk_rows=7)
    rows = [pair for keys, b in found.chunks(found.find(after=b"")) for pair in zip(
        keys, b["place"].to_pylist(), strict=True)]  # fmt: skip
    assert rows == expected((data,), first=0, last=9)


def test_the_source_is_another_when_file_window_schema_or_kind_is(connection, tmp_path):
    cases = [("a", 5, b"s", True), ("b", 5, b"s", True), ("a", 6, b"s", True)]
    cases += [("a", 5, b"t", True), ("a", 5, b"s", False), ("a", 5, b"s", True)]
    told = set()
    for number, (name, end, schema, is_whole) in enumerate(cases):
        path = tmp_path / f"{number}.parquet"
        write_table(path, [(name, "1", 1, 1)])
        table = FeatureTable((str(path),), (("user_id", "user_id"),), "event_timestamp", "", ())
        rows = NewestRows(connection, table, DAY_0, DAY_0 + timedelta(days=end), chunk_rows=7)
        told.add(rows.source(schema, is_whole=is_whole))
    assert len(told) == 5
