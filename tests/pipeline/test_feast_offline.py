"""Feast's own API over our offline store: label rows of each kind, saved datasets, offline pushes.

Small tables and one process; the join itself is proved in tests/unit/test_feature_repo_asof*.py.
"""

import random
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from asof_oracle import (
    HOUR,
    TTLS,
    Case,
    at,
    seen_place,
    times,
)  # fmt: skip

from governance.errors import StateError

pytestmark = pytest.mark.pipeline

OURS = "feature_repo.stores.asof_offline.AsofOfflineStore"
DATES = [datetime(2017, 1, 1, hour, tzinfo=UTC) for hour in range(10)]


def feast_store(folder, views, *, offline_store):
    from feast import FeatureStore, RepoConfig

    folder.mkdir(exist_ok=True)
    store = FeatureStore(
        config=RepoConfig(
            project="offline",
            provider="local",
            registry={"registry_type": "file", "path": str(folder / "registry.pb")},
            offline_store=offline_store,
            online_store={"type": "sqlite", "path": str(folder / "online.db")},
            entity_key_serialization_version=3,
            repo_path=folder,
        )
    )
    store.apply([*{e.name: e for _, entities in views for e in entities}.values()])
    store.apply([view for view, _ in views])
    return store


def view_of(name, path, keys, ttl):
    from feast import Entity, FeatureView, Field, FileSource, ValueType
    from feast.types import Int64, String

    entities = [Entity(name=key, join_keys=[key], value_type=ValueType.STRING) for key in keys]
    source = FileSource(
        name=name,
        path=str(path),
        timestamp_field="event_at",
        created_timestamp_column="created_at",
    )
    schema = [*(Field(name=key, dtype=String) for key in keys), Field(name="place", dtype=Int64)]
    view = FeatureView(name=name, entities=entities, schema=schema, source=source, ttl=ttl)
    return view, entities


def table(rows):
    """Rows of (key, event, created) in hours; place counts them."""
    columns = {
        "k1": [row[0] for row in rows],
        "event_at": times([row[1] * HOUR for row in rows]),
        "created_at": times([row[2] * HOUR for row in rows]),
        "place": list(range(len(rows))),
    }
    return pa.table(columns)


def labels_at(*rows):
    keys = [key for key, _ in rows]
    moments = times([hour * HOUR for _, hour in rows])
    return pa.table({"k1": keys, "event_timestamp": moments, "weight": list(range(len(rows)))})


@pytest.fixture
def features_path(tmp_path):
    path = tmp_path / "late.parquet"
    pq.write_table(table([("a", 1, 1), ("a", 2, 6), ("b", 3, 3)]), path)
    return path


@pytest.fixture
def store(tmp_path, features_path):
    views = [view_of("late", features_path, ["k1"], timedelta(hours=5))]
    return feast_store(tmp_path / "feast", views, offline_store={"type": OURS})


ASKED = labels_at(("b", 5), ("a", 5), ("none", 5), ("a", 7), ("a", 8))


def places(job):
    return job.to_arrow()["place"].to_pylist()


def test_a_late_backfill_does_not_leak_through_feasts_own_call(tmp_path, features_path, store):
    assert places(store.get_historical_features(ASKED, ["late:place"])) == [2, 0, None, 1, None]
    views = [view_of("late", features_path, ["k1"], timedelta(hours=5))]
    as_now = feast_store(tmp_path / "now", views, offline_store={"type": OURS, "known_only": False})
    job = as_now.get_historical_features(ASKED, ["late:place"])
    assert places(job) == [2, 1, None, 1, None]
    job = as_now.get_historical_features(ASKED, ["late:place"], filter_by_created_timestamp=True)
    assert places(job) == [2, 0, None, 1, None]


def test_label_rows_of_each_kind_give_the_same_rows_in_their_order(tmp_path, store):
    path = tmp_path / "labels.parquet"
    pq.write_table(ASKED, path)
    frame = ASKED.to_pandas()
    before = frame.copy()
    for given_rows in (ASKED, frame, str(path), f"select * from '{path}'"):
        joined = store.get_historical_features(given_rows, ["late:place"]).to_arrow()
        assert joined["place"].to_pylist() == [2, 0, None, 1, None]
        assert joined["weight"].to_pylist() == [0, 1, 2, 3, 4]
    pd.testing.assert_frame_equal(frame, before)


def test_without_label_rows_every_row_in_the_window_is_a_label(store):
    job = store.get_historical_features(
        features=["late:place"], start_date=DATES[2], end_date=DATES[3]
    )
    joined = job.to_arrow()
    assert joined.column_names == ["k1", "event_timestamp", "place"]
    assert joined["k1"].to_pylist() == ["a", "b"]
    assert joined["place"].to_pylist() == [0, 2]  # the row of hour 2 was created at hour 6


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_registered_file_that_is_gone_is_told_with_what_to_do(features_path, store):
    """A home that was moved keeps the old paths in its registry."""
    features_path.unlink()
    with pytest.raises(StateError, match="names a file that is not there") as refused:
        store.get_historical_features(ASKED, ["late:place"]).to_arrow()
    assert refused.value.where == str(features_path)


def test_a_saved_dataset_holds_the_joined_rows_and_is_not_overwritten(tmp_path, store):
    from feast.errors import SavedDatasetLocationAlreadyExists
    from feast.infra.offline_stores.file_source import SavedDatasetFileStorage

    path = tmp_path / "saved.parquet"
    storage = SavedDatasetFileStorage(path=str(path))
    labels = tmp_path / "labels.parquet"
    pq.write_table(ASKED, labels)
    job = store.get_historical_features(str(labels), ["late:place"])
    store.create_saved_dataset(from_=job, name="first", storage=storage)
    joined = store.get_historical_features(ASKED, ["late:place"]).to_arrow()
    assert pq.read_table(path).equals(joined)
    saved = store.get_saved_dataset("first").to_df()
    expected = joined.to_pandas()[["k1", "place", "event_timestamp"]]
    pd.testing.assert_frame_equal(saved[expected.columns], expected)
    with pytest.raises(SavedDatasetLocationAlreadyExists):
        store.create_saved_dataset(from_=job, name="second", storage=storage)


def test_rows_written_offline_through_feast_are_seen_by_every_read(features_path, store):
    before = features_path.read_bytes()
    rows = table([("a", 4, 4)]).to_pandas()
    rows["place"] = 99
    store.write_to_offline_store("late", rows)
    assert features_path.read_bytes() == before
    assert places(store.get_historical_features(ASKED, ["late:place"])) == [2, 99, None, 99, 99]
    provider, view = store._get_provider(), store.get_feature_view("late")
    what = (store.config, view.batch_source, ["k1"], ["place"], "event_at", "created_at")
    latest = provider.offline_store.pull_latest_from_table_or_query(*what, DATES[0], DATES[9])
    found = latest.to_arrow()
    pairs = zip(found["k1"].to_pylist(), found["place"].to_pylist(), strict=True)
    assert dict(pairs) == {"a": 99, "b": 2}
    every = provider.offline_store.pull_all_from_table_or_query(*what)
    assert places(every) == [0, 1, 2, 99]


def generated_cases(count):
    """Cases as in the unit tests (few keys, hours and their edges), each with keys of its own."""
    draw = random.Random(3)
    rows, labels = [], []

    def moment():
        return draw.randint(1, 8) * HOUR + draw.randint(-1, 1)

    def key(number):
        found = draw.choice([None, "1", "1", "11", "11"])
        return found and f"{number}:{found}"

    for number in range(count):
        for _ in range(draw.randint(0, 25)):
            rows.append((key(number), key(number), moment(), draw.choice([None, moment()]), 0))
        for _ in range(draw.randint(0, 12)):
            labels.append((key(number), key(number), draw.choice([None, *[moment()] * 9])))
    return rows, labels


def where_stock_is_right(rows, labels):
    """Feast's store takes any of rows alike in key, event and created; to it, a row that does not
    say when it was created was never created; and it takes no label without a time."""
    said = [(k1, k2, event, event if made is None else made, v) for k1, k2, event, made, v in rows]
    told_apart = {row[:1] + row[2:4]: row for row in said}
    return [*told_apart.values()], [label for label in labels if label[2] is not None]


def test_stock_feast_answers_the_generated_cases_alike_where_it_is_right(tmp_path):
    rows, labels = where_stock_is_right(*generated_cases(60))
    path = tmp_path / "cases.parquet"
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns = {"k1": columns[0], "k2": columns[1], "event_at": times(columns[2]),
               "created_at": times(columns[3]), "place": list(range(len(rows)))}  # fmt: skip
    pq.write_table(pa.table(columns), path)
    kinds = [Case(is_composite, ttl) for is_composite in (False, True) for ttl in TTLS]
    views = [
        view_of(f"view_{n}", path, ["k1", "k2"] if kind.is_composite else ["k1"], kind.ttl)
        for n, kind in enumerate(kinds)
    ]
    frame = pd.DataFrame(labels, columns=["k1", "k2", "event_timestamp"])
    frame["event_timestamp"] = [at(label[2]) for label in labels]
    frame["event_timestamp"] = frame["event_timestamp"].astype("datetime64[us]")
    frame["number"] = range(len(frame))
    asked = [f"view_{n}:place" for n in range(len(kinds))]
    for known_only in (True, False):
        answers = []
        ours = {"type": OURS, "known_only": known_only}
        for name, parts in (("ours", ours), ("stock", {"type": "duckdb"})):
            store = feast_store(tmp_path / f"{name}-{known_only}", views, offline_store=parts)
            job = store.get_historical_features(
                frame.copy(), asked, full_feature_names=True, filter_by_created_timestamp=known_only
            )
            answers.append(job.to_arrow().sort_by("number"))
        for n, kind in enumerate(kinds):
            case = Case(kind.is_composite, kind.ttl, known_only)
            seen = [seen_place(rows, label, case) for label in labels]
            assert sum(place is not None for place in seen) > 30
            for answer in answers:
                assert answer[f"view_{n}__place"].to_pylist() == seen, (case, answer is answers[1])
