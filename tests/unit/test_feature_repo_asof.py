"""The point-in-time join against an oracle that scans every row in plain Python."""

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.stores.asof_join import point_in_time_join
from feature_repo.stores.feature_table import FeatureTable, all_rows, connect, latest_rows
from governance.errors import InputError

DAY_0 = datetime(2017, 1, 1)  # noqa: DTZ001  the files hold naive UTC
US = pa.timestamp("us")
TTLS = (None, timedelta(hours=2), timedelta(hours=5))

hours = st.integers(0, 12)
moments = st.one_of(st.none(), hours)
keys = st.sampled_from(["a", "b", "7"])
feature_rows = st.lists(st.tuples(keys, keys, hours, moments, moments), max_size=25)
label_rows = st.lists(
    st.tuples(st.one_of(st.none(), keys, st.just("unseen")), keys, moments), max_size=12
)


@pytest.fixture(scope="module")
def connection():
    with connect(threads=1, memory_limit="500MB") as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("asof")


def hour(value):
    return None if value is None else DAY_0 + timedelta(hours=value)


def feature_table(path: Path, *, is_composite: bool, ttl) -> FeatureTable:
    pairs = (("label_k1", "k1"), ("label_k2", "k2"))
    return FeatureTable(
        path=str(path),
        keys=pairs if is_composite else pairs[:1],
        event_at="event_at",
        created_at="created_at",
        features=(("value", "v"), ("place", "place")),
        ttl=ttl,
    )


def write_features(path: Path, rows) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 5
    table = pa.table(
        {
            "k1": pa.array(columns[0], pa.string()),
            "k2": pa.array(columns[1], pa.string()),
            "event_at": pa.array([hour(h) for h in columns[2]], US),
            "created_at": pa.array([hour(h) for h in columns[3]], US),
            "v": pa.array(columns[4], pa.int64()),
            "place": pa.array(range(len(rows)), pa.int64()),
        }
    )
    pq.write_table(table, path)


def oracle(rows, label, *, is_composite, ttl, only_created):
    """The index of the feature row that a label sees, or None: every row is looked at."""
    k1, k2, at = label
    best = None
    for index, (f1, f2, event, created, _) in enumerate(rows):
        if at is None or f1 != k1 or (is_composite and f2 != k2) or event > at:
            continue
        if only_created and created is not None and created > at:
            continue
        rank = (event, -1 if created is None else created, index)
        best = rank if best is None else max(best, rank)
    if best is None or (ttl is not None and timedelta(hours=at - best[0]) > ttl):
        return None
    return best[2]


@pytest.mark.pipeline
@settings(max_examples=120, deadline=None)
@given(feature_rows, label_rows, st.booleans(), st.sampled_from(TTLS), st.booleans())
def test_join_equals_the_brute_force_oracle(
    connection, folder, rows, labels, is_composite, ttl, only_created
):
    path = folder / "features.parquet"
    write_features(path, rows)
    table = feature_table(path, is_composite=is_composite, ttl=ttl)
    frame = pa.table(
        {
            "extra": pa.array(range(len(labels)), pa.int64()),
            "label_k1": pa.array([label[0] for label in labels], pa.string()),
            "label_k2": pa.array([label[1] for label in labels], pa.string()),
            "at": pa.array([hour(label[2]) for label in labels], US),
        }
    )
    joined = point_in_time_join(
        connection, frame, [table], label_at="at", only_created=only_created
    )
    seen = [
        oracle(rows, label, is_composite=is_composite, ttl=ttl, only_created=only_created)
        for label in labels
    ]
    assert joined.select(frame.column_names).equals(frame)
    assert joined["place"].to_pylist() == seen
    assert joined["value"].to_pylist() == [None if i is None else rows[i][4] for i in seen]


@settings(max_examples=40, deadline=None)
@given(feature_rows, hours, hours)
def test_latest_rows_are_the_newest_of_each_key_known_at_the_end_of_the_window(
    connection, folder, rows, a, b
):
    path = folder / "latest.parquet"
    write_features(path, rows)
    first, last = min(a, b), max(a, b)
    table = feature_table(path, is_composite=False, ttl=None)
    chunks = latest_rows(connection, table, start=hour(first), end=hour(last), chunk_rows=2)
    best: dict[str, tuple] = {}
    for index, (key, _, event, created, _) in enumerate(rows):
        if first <= event <= last and (created is None or created <= last):
            rank = (event, -1 if created is None else created, index)
            best[key] = max(best.get(key, rank), rank)
    found = chunks.read_all()
    pairs = zip(found["k1"].to_pylist(), found["place"].to_pylist(), strict=True)
    assert dict(pairs) == {key: rank[2] for key, rank in best.items()}


def test_all_rows_keep_file_order_and_both_edges_of_the_window(connection, folder):
    path = folder / "all.parquet"
    write_features(path, [("a", "x", h, h, h) for h in (5, 1, 3, 2)])
    table = feature_table(path, is_composite=False, ttl=None)
    chunks = all_rows(connection, table, start=hour(2), end=hour(5), chunk_rows=1)
    assert chunks.read_all()["value"].to_pylist() == [5, 3, 2]


def test_an_age_equal_to_the_ttl_still_counts(connection, folder):
    path = folder / "edge.parquet"
    write_features(path, [("a", "x", 0, 0, 11)])
    table = feature_table(path, is_composite=False, ttl=timedelta(hours=2))
    at = [hour(2), hour(2) + timedelta(microseconds=1)]
    frame = pa.table({"label_k1": ["a", "a"], "label_k2": ["x", "x"], "at": pa.array(at, US)})
    joined = point_in_time_join(connection, frame, [table], label_at="at")
    assert joined["value"].to_pylist() == [11, None]


def test_zoned_and_nanosecond_label_times_mean_the_same_moment(connection, folder):
    path = folder / "zones.parquet"
    write_features(path, [("a", "x", 1, 1, 11), ("a", "x", 2, 2, 22)])
    table = feature_table(path, is_composite=False, ttl=None)
    naive = pa.array([hour(1)], US)
    for at in (naive, naive.cast(pa.timestamp("ns")), naive.cast(pa.timestamp("us", "Asia/Tokyo"))):
        frame = pa.table({"label_k1": ["a"], "label_k2": ["x"], "at": at})
        joined = point_in_time_join(connection, frame, [table], label_at="at")
        assert joined["value"].to_pylist() == [11]


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ({"label_k1": ["a"]}, "no column at"),
        ({"label_k1": ["a"], "at": ["2017-01-01"]}, "at of the label rows is string"),
        ({"label_k1": ["a"], "at": pa.array([DAY_0], US), "value": [1]}, "would appear twice"),
    ],
)
def test_label_rows_that_cannot_be_joined_are_refused(connection, folder, frame, says):
    path = folder / "refused.parquet"
    write_features(path, [])
    table = feature_table(path, is_composite=False, ttl=None)
    with pytest.raises(InputError, match=says):
        point_in_time_join(connection, pa.table(frame), [table], label_at="at")
