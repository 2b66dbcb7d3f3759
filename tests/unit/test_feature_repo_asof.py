"""The point-in-time join against an oracle that scans every row in plain Python."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from asof_oracle import (
    DAY_0,
    HOUR,
    TTLS,
    US,
    Case,
    at,
    cases,
    feature_frame,
    feature_rows,
    feature_table,
    label_frame,
    label_rows,
    moments,
    seen_place,
    write_features,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feature_repo.stores.asof_join import point_in_time_join, point_in_time_join_to_parquet
from feature_repo.stores.feature_table import all_rows, connect, latest_rows
from feature_repo.stores.label_rows import LabelRows
from governance.errors import InputError

LABEL_TIMES = (
    US, pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.timestamp("us", "Asia/Tokyo"),
    pa.timestamp("ns", "America/New_York"),
)  # fmt: skip


@pytest.fixture(scope="module")
def connection():
    with connect(threads=1, memory_limit="500MB") as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("asof")


def join(connection, labels, *tables, known_only=True):
    return point_in_time_join(
        connection, LabelRows(labels), tables, label_at="at", known_only=known_only
    )


@pytest.mark.pipeline
@settings(max_examples=150, deadline=None)
@given(feature_rows, label_rows, cases, st.sampled_from(LABEL_TIMES))
@example([], [("1", "1", HOUR)], Case(), US)
@example([("1", "1", HOUR, None, 1)], [], Case(), US)
@example([("1", "11", 1, 1, 1), ("11", "1", 1, 1, 2)], [("11", "1", 1)], Case(True), US)
@example([("1", "1", 5, 9, 1), ("1", "1", 7, 7, 2)], [("1", "1", 9), ("1", "1", 6)], Case(), US)
@example([("1", "1", 5, 9, 1), ("1", "1", 9, 9, 2)], [("1", "1", 9)], Case(), US)
def test_join_equals_the_brute_force_oracle(connection, folder, rows, labels, case, kind):
    path = folder / "features.parquet"
    write_features(path, rows)
    frame = label_frame(labels, kind)
    joined = join(connection, frame, feature_table(path, case=case), known_only=case.known_only)
    seen = [seen_place(rows, label, case) for label in labels]
    assert joined.select(frame.column_names).equals(frame)
    assert joined["place"].to_pylist() == seen
    assert joined["value"].to_pylist() == [None if i is None else rows[i][4] for i in seen]


@settings(max_examples=40, deadline=None)
@given(feature_rows, label_rows, st.lists(cases, min_size=2, max_size=3), st.integers(1, 5))
def test_several_tables_streamed_to_parquet_equal_the_oracle(
    connection, folder, rows, labels, several, chunk_rows
):
    path = folder / "several.parquet"
    write_features(path, rows)
    pq.write_table(label_frame(labels), folder / "labels.parquet", row_group_size=7)
    tables = []
    for number, case in enumerate(several):
        table = feature_table(path, case=case)
        features = ((f"place_{number}", "place"),)
        tables.append(type(table)(**(vars(table) | {"features": features})))
    joined_path = folder / "joined.parquet"
    written = point_in_time_join_to_parquet(
        connection,
        LabelRows((folder / "labels.parquet",)),
        tables,
        joined_path,
        label_at="at",
        known_only=True,
        chunk_rows=chunk_rows,
    )
    joined = pq.read_table(joined_path)
    assert written == joined.num_rows == len(labels)
    assert joined.select(label_frame([]).column_names).equals(label_frame(labels))
    for number, case in enumerate(several):
        known = Case(case.is_composite, case.ttl, known_only=True)
        seen = [seen_place(rows, label, known) for label in labels]
        assert joined[f"place_{number}"].to_pylist() == seen


@settings(max_examples=40, deadline=None)
@given(feature_rows, st.lists(feature_rows, max_size=3), label_rows, cases)
def test_rows_of_later_files_come_after_those_of_the_base_file(
    connection, folder, base, pushed, labels, case
):
    paths, rows = [], []
    for number, part in enumerate([base, *pushed]):
        paths.append(folder / f"{'zyxw'[number]}.parquet")
        pq.write_table(feature_frame(part, first_place=len(rows)), paths[-1])
        rows += part
    table = feature_table(*paths, case=case)
    joined = join(connection, label_frame(labels), table, known_only=case.known_only)
    assert joined["place"].to_pylist() == [seen_place(rows, label, case) for label in labels]


@settings(max_examples=40, deadline=None)
@given(feature_rows, moments, moments)
def test_latest_rows_are_the_newest_of_each_key_known_at_the_end_of_the_window(
    connection, folder, rows, a, b
):
    path = folder / "latest.parquet"
    write_features(path, rows)
    first, last = min(a, b), max(a, b)
    chunks = latest_rows(
        connection, feature_table(path), start=at(first), end=at(last), chunk_rows=2
    )
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
    chunks = all_rows(connection, feature_table(path), start=at(2), end=at(5), chunk_rows=1)
    assert chunks.read_all()["value"].to_pylist() == [5, 3, 2]


def test_an_age_equal_to_the_ttl_still_counts(connection, folder):
    path = folder / "edge.parquet"
    write_features(path, [("a", "x", 0, 0, 11)])
    labels = label_frame([("a", "x", 2 * HOUR), ("a", "x", 2 * HOUR + 1)])
    joined = join(connection, labels, feature_table(path, case=Case(ttl=TTLS[1])))
    assert joined["value"].to_pylist() == [11, None]


def test_a_late_backfill_does_not_leak_into_the_past(connection, folder):
    path = folder / "late.parquet"
    write_features(path, [("a", "x", 1, 1, 11), ("a", "x", 2, 9, 22)])
    labels = label_frame([("a", "x", 5), ("a", "x", 9)])
    as_known_then = join(connection, labels, feature_table(path))
    as_known_now = join(connection, labels, feature_table(path), known_only=False)
    assert as_known_then["value"].to_pylist() == [11, 22]
    assert as_known_now["value"].to_pylist() == [22, 22]


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
    with pytest.raises(InputError, match=says):
        join(connection, pa.table(frame), feature_table(path))
