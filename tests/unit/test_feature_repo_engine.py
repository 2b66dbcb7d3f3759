"""Materialisation in chunks: killed anywhere and run again, it ends as if it had not been."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from killed_copying import CHUNK_ROWS, LAYOUT, copy, open_backend

from feature_repo.stores.packed_rows import RowFormat, key_bytes, microseconds
from governance.errors import StateError
from governance.settings import PROJECT_ROOT

DAY_0 = datetime(2017, 1, 1)  # noqa: DTZ001  the files hold naive UTC
OLD_END, END = DAY_0 + timedelta(days=10), DAY_0 + timedelta(days=20)
US = pa.timestamp("us")
SCRIPT = Path(__file__).parents[1] / "killed_copying.py"


def write_table(path, rows):
    """Rows of (item, event day, created day, n)."""
    items, events, created, numbers = zip(*rows, strict=True)
    columns = {
        "item_id": pa.array(items),
        "event_timestamp": pa.array([DAY_0 + timedelta(days=day) for day in events], US),
        "created_at": pa.array([DAY_0 + timedelta(days=day) for day in created], US),
        "n": pa.array(numbers, pa.int64()),
        "x": pa.array([number / 7 for number in numbers], pa.float64()),
        "flag": pa.array([None if number % 3 else True for number in numbers], pa.bool_()),
    }
    pq.write_table(pa.table(columns), path)
    return path


def push(backend, item, *, event, created, value):
    rows = pa.table(
        {
            "at": pa.array([DAY_0 + timedelta(days=event)], US),
            "made": pa.array([DAY_0 + timedelta(days=created)], US),
            "n": pa.array([value], pa.int64()),
            "x": pa.array([None], pa.float64()),
            "flag": pa.array([None], pa.bool_()),
        }
    )
    with backend.writing(LAYOUT):
        records = LAYOUT.pack(rows, event_at="at", created_at="made")
        return backend.write(LAYOUT, key_bytes(("item_id",), [[item]]), records)


def values(backend, items, layout=LAYOUT):
    [records] = backend.read([layout], key_bytes(("item_id",), [items]))
    rows, found = layout.unpack(records)
    return [int(n) if ok else None for n, ok in zip(rows["f_n"], found, strict=True)]


def whole(kind, backend):
    """Everything that the store holds, whatever it is for."""
    if kind == "sqlite":
        with closing(sqlite3.connect(backend.path)) as connection:
            found = connection.execute("select name from sqlite_master where type = 'table'")
            names = [name for (name,) in found.fetchall()]
            return {n: connection.execute(f'select * from "{n}"').fetchall() for n in sorted(names)}
    client = backend._redis
    ways = {b"string": client.get, b"hash": client.hgetall}
    return {
        key: ways.get(client.type(key), lambda k: client.zrange(k, 0, -1))(key)
        for key in sorted(client.keys())
    }


@pytest.fixture(params=["sqlite", "redis"])
def place(request, tmp_path):
    """(kind, where) of an empty store."""
    if request.param == "sqlite":
        return request.param, str(tmp_path / "online.db")
    url = request.getfixturevalue("redis_url")
    open_backend("redis", url)._redis.flushall()
    return request.param, url


@pytest.fixture
def tables(tmp_path):
    """The feature table before and after a build: rows change, come, go and move back in time."""
    old = [(f"i{n}", n % 10, n % 10, n) for n in range(80)]
    new = [(f"i{n}", (n * 7) % 20, (n * 7) % 20, 1000 + n) for n in range(5, 100) if n % 4]
    late = [("i6", 3, 30, 9)]  # created behind the window: not known yet
    return (
        write_table(tmp_path / "old.parquet", old),
        write_table(tmp_path / "new.parquet", [*new, *late]),
    )


def filled(place, old):
    """A store materialised from the old table, with rows pushed since."""
    backend = open_backend(*place)
    backend.prepare(LAYOUT)
    copy(backend, [old], end=OLD_END)
    push(backend, "i9", event=30, created=30, value=-1)  # newer than any batch
    push(backend, "gone", event=5, created=5, value=-2)  # known by the window's end
    push(backend, "i13", event=19, created=40, value=-3)  # late: known only after it
    return backend


def killed(place, table, *, at):
    command = [sys.executable, str(SCRIPT), *place, str(table), END.isoformat(), str(at)]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env={"PYTHONPATH": f"{PROJECT_ROOT}:{SCRIPT.parent}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def undisturbed(place, tables, tmp_path):
    """What the store holds after a run that nothing stopped."""
    backend = filled(
        (place[0], str(tmp_path / "calm.db")) if place[0] == "sqlite" else place, tables[0]
    )
    copy(backend, [tables[1]], end=END)
    content = whole(place[0], backend)
    if place[0] == "redis":
        backend._redis.flushall()
    return content


@pytest.mark.parametrize("at", range(1, 6))
def test_killed_at_any_chunk_and_run_again_it_ends_in_the_same_state(place, tables, tmp_path, at):
    expected = undisturbed(place, tables, tmp_path)
    backend = filled(place, tables[0])
    killed(place, tables[1], at=at)
    assert backend.states(["v"])["v"][1] == microseconds(OLD_END)
    seen = []
    total = copy(backend, [tables[1]], end=END, progress=lambda *state: seen.append(state))
    chunks = [(min(n * CHUNK_ROWS, total), total) for n in range(1, -(-total // CHUNK_ROWS) + 1)]
    assert seen == chunks[at:]
    assert whole(place[0], backend) == expected


def test_killed_between_any_two_commands_it_ends_in_the_same_state(place, tables, tmp_path):
    expected = undisturbed(place, tables, tmp_path)
    for number in range(1, 40, 3):
        (tmp_path / "online.db").unlink(missing_ok=True)
        if place[0] == "redis":
            open_backend(*place)._redis.flushall()
        backend = filled(place, tables[0])
        if not stopped_at_command(backend, number, tables[1]):
            break
        backend = open_backend(*place)
        assert backend.states(["v"])["v"][1] == microseconds(OLD_END)
        copy(backend, [tables[1]], end=END)
        assert whole(place[0], backend) == expected
    assert number > 10


def stopped_at_command(backend, number, table):
    """Run until the store is asked for the n-th time, and stop there; whether it was stopped."""
    left = iter(range(number))

    def refuse_when_spent(*_):
        if next(left, None) is None:
            raise OSError("stopped")

    if hasattr(backend, "path"):
        backend._connection().set_trace_callback(None)
        stop = (sqlite3.OperationalError, OSError)
        backend._connection().set_progress_handler(lambda: next(left, None) is None, 400)
    else:
        stop = (OSError,)
        send = backend._redis.execute_command
        backend._redis.execute_command = lambda *a, **k: (refuse_when_spent(), send(*a, **k))[1]
    try:
        copy(backend, [table], end=END)
    except stop:
        return True
    return False


def test_what_the_source_no_longer_has_goes_and_what_was_pushed_since_stays(place, tables):
    backend = filled(place, tables[0])
    copy(backend, [tables[1]], end=END)
    items = ["i0", "i4", "i5", "i6", "i9", "i13", "gone", "i99", "never"]
    assert values(backend, items) == [None, None, 1005, 1006, -1, -3, None, 1099, None]
    assert backend.states(["v"])["v"][1] == microseconds(END)
    gone = key_bytes(("item_id",), [["i0", "gone"]])
    assert not any(key in str(whole(place[0], backend)) for key in map(repr, gone))


def test_a_changed_source_or_window_starts_over(place, tables, tmp_path):
    for change in ("source", "window"):
        backend = filled(place, tables[0])
        killed(place, tables[1], at=3)
        end, table = END, tables[1]
        if change == "source":
            table = write_table(tmp_path / "newer.parquet", [("i6", 2, 2, 5), ("i98", 3, 3, 6)])
        else:
            end = DAY_0 + timedelta(days=12)
        seen = []
        copy(backend, [table], end=end, progress=lambda *state, seen=seen: seen.append(state))
        assert seen[0][0] <= CHUNK_ROWS
        fresh = open_backend(*(("sqlite", str(tmp_path / f"{change}.db"))))
        fresh.prepare(LAYOUT)
        copy(fresh, [table], end=end)
        items = [f"i{n}" for n in range(100) if n not in {9, 13}]
        assert values(backend, items) == values(fresh, items)
        if place[0] == "redis":
            backend._redis.flushall()
        else:
            shutil.move(place[1], tmp_path / "used.db")


def test_a_first_materialisation_that_was_killed_leaves_the_view_unready(place, tables):
    backend = open_backend(*place)
    backend.prepare(LAYOUT)
    killed(place, tables[1], at=2)
    assert backend.states(["v"])["v"] == (LAYOUT.schema, None)


def test_a_second_run_at_the_same_time_stops(place, tables):
    backend = filled(place, tables[0])
    seen = []

    def start_another(done, total):
        seen.append(done)
        if len(seen) == 2:
            copy(open_backend(*place), [tables[1]], end=END)

    with pytest.raises(StateError, match="another materialisation of v is at work"):
        copy(backend, [tables[1]], end=END, progress=start_another)
    assert backend.states(["v"])["v"][1] == microseconds(END)


def test_a_shorter_window_only_adds_and_counts_where_the_store_already_was(place, tables):
    for days, reached in ((timedelta(days=5), OLD_END), (timedelta(days=10), END)):
        backend = filled(place, tables[0])
        before = values(backend, ["i0", "i8"])
        copy(backend, [tables[1]], end=END, is_whole=False, days=days)
        assert values(backend, ["i0", "i8"]) == before
        assert values(backend, ["i9", "i13"]) == [-1, -3]
        assert backend.states(["v"])["v"][1] == microseconds(reached)


def test_a_source_without_rows_empties_the_view(place, tables, tmp_path):
    backend = filled(place, tables[0])
    empty = write_table(tmp_path / "empty.parquet", [("later", 25, 25, 1)])
    assert copy(backend, [empty], end=END) == 0
    assert values(backend, ["i0", "i9", "gone"]) == [None, -1, None]
    assert backend.states(["v"])["v"][1] == microseconds(END)


def test_a_view_of_one_entity_leaves_the_others_alone(place, tables):
    other = RowFormat(view="w", keys=("item_id",), fields=(("n", "bigint"),))
    backend = filled(place, tables[0])
    backend.prepare(other)
    copy(backend, [tables[0]], end=OLD_END, layout=other)
    before = values(backend, [f"i{n}" for n in range(80)], other)
    copy(backend, [tables[1]], end=END)
    assert values(backend, [f"i{n}" for n in range(80)], other) == before
    assert values(backend, ["i0", "i5"]) == [None, 1005]


def test_a_reader_meanwhile_finds_every_entity_as_it_was_or_as_it_will_be(place, tables):
    backend = filled(place, tables[0])
    both = [f"i{n}" for n in range(10, 80) if n % 4]
    was, seen, ended = values(backend, both), [], threading.Event()

    def read():
        own = open_backend(*place)
        while not ended.is_set():
            seen.append(values(own, both))

    reader = threading.Thread(target=read)
    reader.start()
    copy(backend, [tables[1]], end=END, progress=lambda *_: time.sleep(0.02))
    ended.set()
    reader.join()
    will_be = values(backend, both)
    assert len(seen) > 3
    assert all(
        cell in pair for found in seen for cell, *pair in zip(found, was, will_be, strict=True)
    )
