"""Rows pushed to a feature table: new files beside it, refused whole when they do not fit."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from asof_oracle import DAY_0, US, at, feature_frame, feature_table, label_frame, write_features

from feature_repo.stores.asof_join import point_in_time_join
from feature_repo.stores.feature_table import (
    all_rows,
    connect,
    latest_rows,
    pushed_dir,
    with_pushed,
)
from feature_repo.stores.label_rows import LabelRows
from feature_repo.stores.offline_writes import append_log, append_rows
from governance.errors import InputError, StateError

PUSHED_AT = datetime(2017, 1, 1, 0, 0, 9, tzinfo=UTC)


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "ftr_user__purchases.parquet"
    write_features(path, [("a", "x", 1, 1, 11), ("b", "x", 2, 2, 22)])
    return path


def push(base, rows, pushed_at=PUSHED_AT):
    return append_rows(
        rows, base=str(base), event_at="event_at", created_at="created_at", pushed_at=pushed_at
    )


def seen(base, *labels):
    table = feature_table(*with_pushed(str(base)))
    with connect(threads=1, memory_limit="500MB") as connection:
        rows = LabelRows(label_frame(labels))
        joined = point_in_time_join(connection, rows, [table], label_at="at", known_only=True)
    return joined["value"].to_pylist()


def test_a_pushed_row_is_a_new_file_and_is_read_with_the_base(base):
    before = base.read_bytes()
    path = push(base, feature_frame([("a", "x", 5, 5, 55)]))
    assert path.parent == base.parent / "pushed" / "ftr_user__purchases"
    assert base.read_bytes() == before
    assert seen(base, ("a", "x", 4), ("a", "x", 5), ("b", "x", 5)) == [11, 55, 22]
    table = feature_table(*with_pushed(str(base)))
    with connect(threads=1, memory_limit="500MB") as connection:
        every = all_rows(connection, table, start=None, end=None, chunk_rows=10).read_all()
        latest = latest_rows(connection, table, start=at(0), end=at(9), chunk_rows=9).read_all()
    assert every["value"].to_pylist() == [11, 22, 55]
    assert dict(zip(*latest.select(["k1", "value"]).to_pydict().values(), strict=True)) == {
        "a": 55, "b": 22,
    }  # fmt: skip


def test_rows_that_were_pushed_before_a_column_was_added_are_read_with_it(base):
    push(base, feature_frame([("a", "x", 5, 5, 55)]))
    table = pq.read_table(base)
    pq.write_table(table.append_column("added", pa.array([1.0] * len(table))), base)
    assert seen(base, ("a", "x", 4), ("a", "x", 5), ("b", "x", 5)) == [11, 55, 22]


def test_a_pushed_row_alike_in_key_and_times_takes_the_place_of_the_base_row(base):
    push(base, feature_frame([("a", "x", 1, 1, 12)]))
    assert seen(base, ("a", "x", 3)) == [12]
    push(base, feature_frame([("a", "x", 1, 1, 13)]), PUSHED_AT.replace(second=10))
    assert seen(base, ("a", "x", 3)) == [13]


def test_a_row_that_does_not_say_when_it_was_created_was_created_by_the_push(base):
    late = feature_frame([("a", "x", 2, None, 99)])
    for rows in (late, late.drop_columns("created_at")):
        path = push(base, rows)
        assert pq.read_table(path)["created_at"].to_pylist() == [DAY_0.replace(second=9)]
    second = 1_000_000
    assert seen(base, ("a", "x", 9 * second - 1), ("a", "x", 9 * second)) == [11, 99]


def test_types_that_lose_nothing_are_fitted_to_the_base(base):
    rows = feature_frame([("a", "x", 5, 5, 55)]).to_pandas()
    rows["k1"] = 7
    rows["v"] = 55.0
    rows["event_at"] = rows["event_at"].dt.tz_localize("UTC").astype("datetime64[ns, UTC]")
    path = push(base, pa.Table.from_pandas(rows[::-1].set_index(pd_index(rows))))
    written = pq.read_table(path)
    assert written.schema.equals(pq.read_schema(base))
    assert written.to_pylist()[0] == {
        "k1": "7", "k2": "x", "event_at": at(5), "created_at": at(5), "v": 55, "place": 0,
    }  # fmt: skip


def pd_index(rows):
    return rows.index + 10  # an index that pandas writes as a column of its own


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("v", ["many"], "v of the pushed rows is string"),
        ("v", [1.5], "v of the pushed rows is double"),
        ("k1", [1.5], "k1 of the pushed rows is double"),
        ("event_at", [5], "event_at of the pushed rows is int64"),
        ("event_at", pa.nulls(1, US), "have no event_at"),
        ("other", [1], "not of the feature table's columns"),
    ],
)
def test_rows_that_do_not_fit_are_refused_before_anything_is_written(base, column, values, says):
    rows = feature_frame([("a", "x", 5, 5, 55)])
    if column in rows.column_names:
        rows = rows.drop_columns(column)
    with pytest.raises(InputError, match=says):
        push(base, rows.append_column(column, pa.array(values)))
    assert not pushed_dir(str(base)).exists()


def test_pushing_no_rows_writes_no_file(base):
    assert push(base, feature_frame([])) is None
    assert with_pushed(str(base)) == (str(base),)


def test_pushing_before_the_table_is_built_says_what_to_run(tmp_path):
    with pytest.raises(StateError, match="no feature table to push to") as caught:
        push(tmp_path / "absent.parquet", feature_frame([]))
    assert caught.value.next_step == "counterfoil build"


def test_logged_rows_are_appended_as_files_that_sort_by_time(tmp_path):
    for second in (2, 1):
        logged_at = PUSHED_AT.replace(second=second)
        append_log(pa.table({"second": [second]}), folder=tmp_path, logged_at=logged_at)
    assert pq.read_table(tmp_path)["second"].to_pylist() == [1, 2]
