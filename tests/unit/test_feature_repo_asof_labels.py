"""What label rows may be: keys and times of many types, tables, files, SQL text and windows."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from asof_oracle import DAY_0, HOUR, US, at, feature_table, label_frame, times, write_features

from feature_repo.stores.asof_join import point_in_time_join, point_in_time_join_to_parquet
from feature_repo.stores.feature_table import FeatureTable, connect
from feature_repo.stores.label_rows import LabelRows, Window, open_labels
from governance.errors import InputError


@pytest.fixture
def connection():
    with connect(threads=2, memory_limit="500MB") as opened:
        yield opened


def source(path: Path, key: pa.Array, **features: pa.Array) -> FeatureTable:
    """One row per key at 01:00, with its place as a feature."""
    places = pa.array(range(len(key)), pa.int64())
    columns = {"k": key, "event_at": times([HOUR] * len(key)), "place": places, **features}
    pq.write_table(pa.table(columns), path)
    outputs = tuple((name, name) for name in ("place", *features))
    return FeatureTable((str(path),), (("label_k", "k"),), "event_at", "", outputs)


def places(connection, table: FeatureTable, key: pa.Array) -> list[int | None]:
    labels = pa.table({"label_k": key, "at": times([2 * HOUR] * len(key))})
    joined = point_in_time_join(connection, LabelRows(labels), [table], label_at="at")
    given_back = joined.select(labels.column_names)
    assert given_back.schema.equals(labels.schema)
    assert given_back.to_pandas().equals(labels.to_pandas())  # NaN is NaN here
    return joined["place"].to_pylist()


MOMENTS = [DAY_0, DAY_0 + timedelta(seconds=1)]


@pytest.mark.parametrize(
    ("in_file", "label"),
    [
        (pa.array(["1", "2"]), pa.array([2, 1, None, 3])),
        (pa.array([1, 2]), pa.array(["2", "1", None, "3"])),
        (pa.array([1, 2], pa.int32()), pa.array([2, 1, None, 3])),
        (pa.array(["1", "2"]), pa.array([2.0, 1.0, float("nan"), 2.5])),
        (pa.array([1.0, 2.0]), pa.array([2.0, 1.0, float("nan"), 3.0])),
        (pa.array(["1", "2"]), pa.array(["2", "1", None, "3"]).dictionary_encode()),
        (pa.array([False, True]), pa.array([True, False, None, None])),
        (pa.array(MOMENTS, US), pa.array([*MOMENTS[::-1], None, at(9)], pa.timestamp("ns", "UTC"))),
        (pa.array(MOMENTS, US), pa.array([*MOMENTS[::-1], None, at(9)], pa.timestamp("us"))),
    ],
)
def test_a_key_matches_whatever_its_type_on_either_side(connection, tmp_path, in_file, label):
    table = source(tmp_path / "keys.parquet", in_file)
    assert places(connection, table, label) == [1, 0, None, None]


def test_features_of_every_type_come_back_as_they_are(connection, tmp_path):
    features = {
        "numbers": pa.array([[1.5, None], None]),
        "words": pa.array([["a"], []]),
        "flag": pa.array([True, None]),
        "moment": pa.array([DAY_0, None], US),
        "word": pa.array(["é", None]),
    }
    table = source(tmp_path / "types.parquet", pa.array(["a", "b"]), **features)
    labels = pa.table({"label_k": ["b", "a", "c"], "at": times([HOUR] * 3)})
    joined = point_in_time_join(connection, LabelRows(labels), [table], label_at="at")
    for name, values in features.items():
        b, a = values.to_pylist()[1], values.to_pylist()[0]
        assert joined[name].to_pylist() == [b, a, None]


def test_composite_keys_are_not_confused_by_their_text(connection, tmp_path):
    path = tmp_path / "composite.parquet"
    write_features(path, [("1", "11", 1, 1, 10), ("11", "1", 1, 1, 20), ("1|1", "1", 1, 1, 30)])
    table = feature_table(path)
    both = FeatureTable(**(vars(table) | {"keys": (("label_k1", "k1"), ("label_k2", "k2"))}))
    labels = label_frame([("11", "1", 5), ("1", "11", 5), ("1", "1|1", 5), ("1|1", "1", 5)])
    joined = point_in_time_join(connection, LabelRows(labels), [both], label_at="at")
    assert joined["value"].to_pylist() == [20, 10, None, 30]


def test_label_rows_may_be_a_frame_a_table_a_path_a_glob_or_sql(connection, tmp_path):
    features = tmp_path / "features.parquet"
    write_features(features, [("a", "x", 1, 1, 11), ("b", "x", 2, 2, 22)])
    labels = label_frame([("b", "x", 5), (None, "x", 5), ("a", "x", 5), ("a", "x", None)])
    pq.write_table(labels.slice(0, 2), tmp_path / "labels_0.parquet")
    pq.write_table(labels.slice(2), tmp_path / "labels_1.parquet")
    pattern = str(tmp_path / "labels_*.parquet")
    frame = labels.to_pandas()
    before = frame.copy()
    sql = f"select * from read_parquet('{pattern}') order by extra;"
    for given in (labels, frame, pattern, Path(pattern), sql):
        with open_labels(connection, given, label_at="at") as rows:
            joined = point_in_time_join(connection, rows, [feature_table(features)], label_at="at")
            assert rows.time_range("at") == tuple(d.tz_localize("UTC") for d in [
                pd.Timestamp(at(5)), pd.Timestamp(at(5))])  # fmt: skip
        assert joined["value"].to_pylist() == [22, None, 11, None]
        assert joined["extra"].to_pylist() == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(frame, before)


def test_a_window_makes_a_label_of_every_row_in_it(connection, tmp_path):
    path = tmp_path / "window.parquet"
    write_features(path, [("b", "x", h, h, h) for h in (4, 2, 3, 1)] + [("a", "x", 3, 3, 30)])
    table = feature_table(path)
    window = Window(table, start=at(2), end=at(3))
    with open_labels(connection, window, label_at="at") as rows:
        joined = point_in_time_join(connection, rows, [table], label_at="at")
    assert joined["label_k1"].to_pylist() == ["a", "b", "b"]
    assert joined["value"].to_pylist() == [30, 2, 3]


@pytest.mark.parametrize(
    ("given", "says"),
    [("no_such.parquet", "there are no label rows"), ("select nothing", "cannot be selected")],
)
def test_label_rows_that_cannot_be_read_are_refused(connection, given, says):
    with (
        pytest.raises(InputError, match=says),
        open_labels(connection, given, label_at="at"),
    ):
        pass


@pytest.mark.pipeline
def test_more_rows_than_memory_holds_go_to_parquet_and_equal_the_answer_in_memory(tmp_path):
    draw = np.random.default_rng(1)
    count, keys = 400_000, 5_000
    features = pa.table(
        {
            "k1": np.char.mod("%d", draw.integers(0, keys, 100_000)),
            "event_at": (draw.integers(0, 1000, 100_000) * HOUR).astype("M8[us]"),
            "place": np.arange(100_000),
        }
    )
    pq.write_table(features, tmp_path / "features.parquet")
    labels = pa.table(
        {
            "label_k1": np.char.mod("%d", draw.integers(0, keys, count)),
            "at": (draw.integers(0, 1000 * HOUR, count)).astype("M8[us]"),
            "text": np.char.mod("a longer text of label %09d", np.arange(count)),
        }
    )
    pq.write_table(labels, tmp_path / "labels.parquet", row_group_size=100_000)
    path = str(tmp_path / "features.parquet")
    table = FeatureTable((path,), (("label_k1", "k1"),), "event_at", "", (("place", "place"),))
    with connect(threads=2, memory_limit="3GB") as roomy:
        whole = point_in_time_join(roomy, LabelRows(labels), [table], label_at="at")
    with connect(threads=1, memory_limit="30MB") as tight:
        written = point_in_time_join_to_parquet(
            tight,
            LabelRows((tmp_path / "labels.parquet",)),
            [table],
            tmp_path / "joined.parquet",
            label_at="at",
            chunk_rows=20_000,
        )
    joined = pq.ParquetFile(tmp_path / "joined.parquet")
    assert written == joined.metadata.num_rows == count
    assert joined.read().equals(whole)
