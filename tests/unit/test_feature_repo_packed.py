"""Packed records, and the two places they lie in, against a dictionary that obeys the rules."""

import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo.stores.packed_rows import (
    RowFormat,
    cleared_bytes,
    event_microseconds,
    key_bytes,
    microseconds,
)
from feature_repo.stores.packed_sqlite import SqliteBackend
from governance.errors import InputError, StateError

DAY_0 = datetime(2017, 1, 1)  # noqa: DTZ001  the files hold naive UTC
US = pa.timestamp("us")
FIELDS = (("n", "bigint"), ("x", "double"), ("flag", "boolean"), ("seen", "timestamp"))
TYPES = {"n": pa.int64(), "x": pa.float64(), "flag": pa.bool_(), "seen": US}
LAYOUT = RowFormat(view="v", keys=("item_id",), fields=FIELDS)

integers = st.integers(-(1 << 63), (1 << 63) - 1)
times = st.datetimes(DAY_0 - timedelta(days=40_000), DAY_0 + timedelta(days=60_000))
rows = st.lists(
    st.tuples(
        times,
        st.none() | times,
        st.none() | integers,
        st.none() | st.floats(allow_nan=False),
        st.none() | st.booleans(),
        st.none() | times,
    ),
    max_size=20,
)


def table_of(data):
    columns = [list(column) for column in zip(*data, strict=True)] or [[]] * 6
    named = dict(zip(("at", "made", "n", "x", "flag", "seen"), columns, strict=True))
    types = {"at": US, "made": US, **TYPES}
    return pa.table({name: pa.array(values, types[name]) for name, values in named.items()})


@settings(deadline=None)
@given(rows)
def test_what_is_packed_comes_back(data):
    records = LAYOUT.pack(table_of(data), event_at="at", created_at="made")
    unpacked, found = LAYOUT.unpack(records)
    nulls = LAYOUT.nulls(unpacked)
    assert found.all()
    assert event_microseconds(unpacked).tolist() == [microseconds(row[0]) for row in data]
    for index, (name, kind) in enumerate(LAYOUT.ordered):
        place = 2 + [field for field, _ in FIELDS].index(name)
        for row, cell, is_null in zip(data, unpacked[f"f_{name}"], nulls[:, index], strict=True):
            assert is_null == (row[place] is None)
            if not is_null:
                assert cell == (microseconds(row[place]) if kind == "timestamp" else row[place])


@given(times, times)
def test_record_bytes_sort_as_times_do(first, second):
    rows = table_of([(at, None, None, None, None, None) for at in (first, second)])
    one, two = LAYOUT.pack(rows, event_at="at", created_at="made")
    assert (one[:8] < two[:8]) == (first < second)
    assert (one[:8] <= cleared_bytes(second, None)) == (first <= second)


def test_a_zoned_time_is_the_same_moment():
    assert microseconds(DAY_0) == microseconds(DAY_0.replace(tzinfo=UTC))


def test_absent_records_and_records_of_another_schema_are_not_found():
    other = RowFormat(view="v", keys=("item_id",), fields=FIELDS[:2])
    row = table_of([(DAY_0, None, 1, 2.0, True, DAY_0)])
    [mine] = LAYOUT.pack(row, event_at="at", created_at="made")
    [theirs] = other.pack(row, event_at="at", created_at="made")
    assert LAYOUT.unpack([mine, None, theirs])[1].tolist() == [True, False, False]


def test_the_order_of_a_declaration_does_not_change_the_records():
    turned = RowFormat(view="v", keys=("item_id",), fields=FIELDS[::-1])
    assert (turned.schema, turned.dtype) == (LAYOUT.schema, LAYOUT.dtype)


def test_text_features_are_refused():
    with pytest.raises(InputError, match="feature title is varchar"):
        RowFormat(view="v", keys=("item_id",), fields=(("title", "varchar"),))


@pytest.fixture(scope="module")
def redis_port(redis_url):
    return int(redis_url.rsplit(":", 1)[1])


@pytest.fixture(params=["sqlite", "redis"])
def backend(request, tmp_path):
    if request.param == "sqlite":
        return SqliteBackend(tmp_path / "online.db")
    from feature_repo.stores.packed_redis import RedisBackend

    port = request.getfixturevalue("redis_port")
    for _ in range(100):
        try:
            opened = RedisBackend(f"127.0.0.1:{port}", "test")
        except StateError:
            time.sleep(0.05)
        else:
            opened._redis.flushall()
            return opened
    raise AssertionError("redis-server did not start")


def record(event, created=None, value=0):
    day = [DAY_0 + timedelta(days=event), None if created is None else DAY_0 + timedelta(created)]
    return LAYOUT.pack(
        table_of([(*day, value, None, None, None)]), event_at="at", created_at="made"
    )[0]


def put(backend, cells, *, until=None, layout=LAYOUT):
    replace_until = None if until is None else DAY_0 + timedelta(days=until)
    with backend.writing(layout, replace_until=replace_until):
        backend.write(layout, key_bytes(("item_id",), [list(cells)]), list(cells.values()))


def values(backend, ids, layout=LAYOUT):
    [records] = backend.read([layout], key_bytes(("item_id",), [ids]))
    unpacked, found = layout.unpack(records)
    return [int(n) if ok else None for n, ok in zip(unpacked["f_n"], found, strict=True)]


def test_an_older_event_never_overwrites_a_newer_one(backend):
    backend.prepare(LAYOUT)
    put(backend, {"a": record(5, 5, value=1), "b": record(1, 1, value=1)})
    put(backend, {"a": record(4, 9, value=2), "b": record(2, 1, value=2)})
    assert values(backend, ["a", "b"]) == [1, 2]


def test_a_later_creation_of_the_same_event_overwrites(backend):
    backend.prepare(LAYOUT)
    put(backend, {"a": record(5, 5, value=1), "b": record(5, 5, value=1)})
    put(backend, {"a": record(5, 6, value=2), "b": record(5, None, value=2)})
    assert values(backend, ["a", "b"]) == [2, 1]


def test_materialising_replaces_what_is_older_and_keeps_what_is_newer(backend):
    backend.prepare(LAYOUT)
    put(
        backend, {"gone": record(5), "moved_back": record(5, value=1), "pushed": record(9, value=1)}
    )
    put(backend, {"moved_back": record(3, value=2), "pushed": record(3, value=2)}, until=7)
    assert values(backend, ["gone", "moved_back", "pushed", "never"]) == [None, 2, 1, None]
    assert backend.states(["v"])["v"] == (LAYOUT.schema, microseconds(DAY_0 + timedelta(days=7)))


def test_a_materialisation_that_fails_leaves_the_state_as_it_was(backend):
    backend.prepare(LAYOUT)
    put(backend, {"a": record(1, value=1)}, until=1)
    with (
        pytest.raises(OSError, match="disk"),
        backend.writing(LAYOUT, replace_until=DAY_0 + timedelta(days=7)),
    ):
        raise OSError("disk")
    assert values(backend, ["a"]) == [1]
    assert backend.states(["v"])["v"][1] == microseconds(DAY_0 + timedelta(days=1))


def test_views_of_one_entity_are_read_together_and_dropped_alone(backend):
    other = RowFormat(view="w", keys=("item_id",), fields=(("n", "bigint"),))
    backend.prepare(LAYOUT)
    backend.prepare(other)
    put(backend, {"a": record(1, value=1)}, until=1)
    row = pa.table({"n": [7], "at": pa.array([DAY_0], US)})
    put(backend, {"a": other.pack(row, event_at="at", created_at="")[0]}, until=1, layout=other)
    first, second = backend.read([LAYOUT, other], key_bytes(("item_id",), [["a", "b"]]))
    assert [r is not None for r in (*first, *second)] == [True, False, True, False]
    backend.drop("v")
    assert values(backend, ["a"], other) == [7]
    assert set(backend.states(["v", "w"])) == {"w"}


def test_a_changed_schema_replaces_whatever_was_there(backend):
    old = RowFormat(view="v", keys=("item_id",), fields=FIELDS[:1])
    backend.prepare(old)
    row = pa.table({"n": [1], "at": pa.array([DAY_0 + timedelta(days=9)], US)})
    put(backend, {"a": old.pack(row, event_at="at", created_at="")[0]}, layout=old)
    backend.prepare(LAYOUT)
    put(backend, {"a": record(1, value=2)})
    assert values(backend, ["a"]) == [2]


def test_changed_columns_are_not_materialised_until_they_are(backend):
    old = RowFormat(view="v", keys=("item_id",), fields=FIELDS[:1])
    for layout, until in ((LAYOUT, 5), (LAYOUT, None), (old, None)):
        backend.prepare(layout)
        if until is not None:
            put(backend, {"a": record(1)}, until=until, layout=layout)
        expected = microseconds(DAY_0 + timedelta(days=5)) if layout is LAYOUT else None
        assert backend.states(["v"])["v"] == (layout.schema, expected)


def test_an_added_window_counts_if_it_begins_where_the_store_was(backend):
    backend.prepare(LAYOUT)
    put(backend, {"a": record(1)}, until=5)
    for start, end, to in ((6, 7, 5), (5, 6, 6), (1, 2, 6)):
        window = {"start": DAY_0 + timedelta(days=start), "end": DAY_0 + timedelta(days=end)}
        backend.extend(LAYOUT, **window)
        assert backend.states(["v"])["v"][1] == microseconds(DAY_0 + timedelta(days=to))


def test_nothing_prepared_reads_as_no_state(backend):
    assert backend.states(["v"]) == {}


def test_many_ids_come_back_in_the_order_asked(backend):
    backend.prepare(LAYOUT)
    ids = [str(number) for number in range(12_000)]
    made = LAYOUT.pack(
        table_of([(DAY_0, None, int(key), None, None, None) for key in ids]),
        event_at="at",
        created_at="made",
    )
    put(backend, dict(zip(ids, made, strict=True)), until=1)
    asked = [*ids[::-1], "absent", "5", "5"]
    assert values(backend, asked) == [*range(11_999, -1, -1), None, 5, 5]


writes = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(0, 6), st.integers(0, 3))),
        st.none() | st.integers(0, 6),
    ),
    max_size=6,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(writes)
def test_any_sequence_of_writes_leaves_what_the_rules_say(backend, sequence):
    backend.drop("v")
    backend.prepare(LAYOUT)
    held: dict[str, tuple[int, int, int]] = {}
    held_to = -1
    for number, (cells, until) in enumerate(sequence):
        made = {key: record(*times, value=number) for key, times in cells.items()}
        put(backend, made, until=until)
        if until is not None:
            held = {k: v for k, v in held.items() if v[0] > max(until, held_to)}
            held_to = until
        for key, (event, created) in cells.items():
            if key not in held or (event, created) >= held[key][:2]:
                held[key] = (event, created, number)
    assert values(backend, list("abc")) == [held[k][2] if k in held else None for k in "abc"]


def test_redis_that_does_not_answer_is_said_with_what_to_do():
    from feature_repo.stores.packed_redis import RedisBackend

    with pytest.raises(StateError, match="does not answer") as caught:
        RedisBackend("127.0.0.1:1", "test")
    assert "COUNTERFOIL_ONLINE_STORE" in caught.value.next_step
    with pytest.raises(InputError, match="cannot be read"):
        RedisBackend("redis://somewhere", "test")
