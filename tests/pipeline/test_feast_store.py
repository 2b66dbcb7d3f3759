"""The feature store end to end on generated tables: one shop, one process, one Feast import."""

import random
import sqlite3
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from governance.declarations import read_feature_models
from governance.errors import InputError, StateError
from governance.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.pipeline

SERVICE = "recommender_v1"
US = pa.timestamp("us")
DAY_0 = datetime(2017, 1, 1)  # noqa: DTZ001  the files hold naive UTC
DAYS = 400  # more than the ttl of a year
AS_OF = DAY_0 + timedelta(days=DAYS)
COUNTS = {"user_id": 30, "item_id": 90}


def table_for(model, seed):
    """Change-day rows: some entities never, some long ago; nulls; a tie on the event time."""
    draw = random.Random(f"{model.name} {seed}")
    rows = []
    for number in range(COUNTS[model.entities[0]]):
        days = draw.sample(range(DAYS + 20), draw.randint(0, 6))
        rows += [(str(number), DAY_0 + timedelta(days=day), 0) for day in days]
    rows += [(key, at, 1) for key, at, _ in draw.sample(rows, 5)]
    draw.shuffle(rows)
    columns = {
        model.entities[0]: pa.array([row[0] for row in rows]),
        model.timestamp: pa.array([row[1] for row in rows], US),
        model.created_timestamp: pa.array([r[1] + timedelta(days=r[2]) for r in rows], US),
    }
    for column in model.features:
        whole = column.data_type == "bigint"
        values = [draw.randrange(100) if whole else draw.random() for _ in rows]
        cells = [None if draw.random() < 0.1 else value for value in values]
        columns[column.name] = pa.array(cells, pa.int64() if whole else pa.float64())
    return pa.table(columns)


def write_features(settings, seed):
    settings.features_dir.mkdir(parents=True, exist_ok=True)
    for model in read_feature_models(settings.dbt_dir):
        pq.write_table(table_for(model, seed), settings.features_dir / f"{model.name}.parquet")


@pytest.fixture(scope="module")
def store_api():
    from feature_repo import store

    return store


@pytest.fixture(scope="module")
def shop(tmp_path_factory, store_api):
    settings = Settings(home=tmp_path_factory.mktemp("shop"))
    write_features(settings, seed=0)
    store = store_api.apply(settings)
    store_api.materialise(settings, as_of=AS_OF)
    return settings, store


def labels(count=300, at=None):
    draw = random.Random(1)
    users = [draw.choice([None, "absent", *map(str, range(30))]) for _ in range(count)]
    items = [draw.choice(["absent", *map(str, range(90))]) for _ in range(count)]
    times = [at or DAY_0 + timedelta(hours=draw.randrange(24 * (DAYS + 30))) for _ in range(count)]
    return pa.table(
        {
            "weight": list(range(count)),
            "user_id": pa.array(users, pa.string()),
            "item_id": items,
            "event_timestamp": pa.array(times, US),
        }
    )


def seen_row(model, rows, key, at):
    """Brute force: the newest row known at ``at``, by event, creation, place in the file."""
    known = [
        (row[model.timestamp], row[model.created_timestamp], place)
        for place, row in enumerate(rows)
        if row[model.entities[0]] == key
        and row[model.timestamp] <= at
        and row[model.created_timestamp] <= at
    ]
    if not known or at - max(known)[0] > model.ttl:
        return {}
    return rows[max(known)[2]]


def test_historical_features_equal_brute_force_row_for_row(shop, store_api):
    settings, _ = shop
    asked = labels()
    joined = store_api.historical_features(asked, service=SERVICE, settings=settings)
    columns = [column.name for column in store_api.service_columns(SERVICE)]
    assert joined.column_names == [*asked.column_names, *columns]
    assert joined.select(asked.column_names).equals(asked)
    found = 0
    for model in read_feature_models(settings.dbt_dir):
        rows = pq.read_table(settings.features_dir / f"{model.name}.parquet").to_pylist()
        keys = asked[model.entities[0]].to_pylist()
        times = asked["event_timestamp"].to_pylist()
        seen = [seen_row(model, rows, *pair) for pair in zip(keys, times, strict=True)]
        found += sum(map(bool, seen))
        for column in model.features:
            assert joined[column.name].to_pylist() == [row.get(column.name) for row in seen]
    assert found > 300


def test_a_pandas_frame_gives_the_same_features_as_an_arrow_table(shop, store_api):
    settings, store = shop
    asked = labels(50)
    ours = store_api.historical_features(asked, service=SERVICE, settings=settings)
    frame = store.get_historical_features(
        asked.to_pandas(), store.get_feature_service(SERVICE), filter_by_created_timestamp=True
    ).to_df()
    for column in store_api.service_columns(SERVICE):
        np.testing.assert_array_equal(frame[column.name], ours[column.name].to_pandas())


@pytest.mark.parametrize("entity", ["user_id", "item_id"])
def test_online_values_equal_offline_values(shop, store_api, entity):
    settings, store = shop
    ids = [*map(str, range(COUNTS[entity])), "absent"]
    asked = pa.table(
        {"user_id": ids, "item_id": ids, "event_timestamp": pa.array([AS_OF] * len(ids), US)}
    )
    offline = store_api.historical_features(asked, service=SERVICE, settings=settings)
    online = store_api.read_online(store, SERVICE, entity=entity, ids=ids)
    names = [column.name for column in online.columns]
    assert names == [c.name for c in store_api.service_columns(SERVICE, entity=entity)]
    expected = np.stack([pc.cast(offline[name], pa.float64()).to_numpy() for name in names], axis=1)
    np.testing.assert_array_equal(online.values, expected)
    np.testing.assert_array_equal(online.missing, np.isnan(expected))
    assert 0 < online.missing.mean() < 1
    assert online.missing[-1].all()
    assert np.isnan(online.ages_seconds[-1])


def test_feasts_own_online_read_gives_the_same_values(shop, store_api):
    _, store = shop
    ids = [*map(str, range(20)), "absent"]
    ours = store_api.read_online(store, SERVICE, entity="item_id", ids=ids)
    answer = store.get_online_features(
        features=[
            f"{m.name}:{c.name}"
            for m in read_feature_models(PROJECT_ROOT / "dbt")
            for c in m.features
            if m.entities == ("item_id",)
        ],
        entity_rows=[{"item_id": key} for key in ids],
    ).to_dict()
    for place, column in enumerate(ours.columns):
        theirs = np.array(answer[column.name], dtype=np.float64)
        np.testing.assert_array_equal(theirs, ours.values[:, place])


def test_rows_past_their_ttl_are_missing_and_the_edge_still_counts(shop, store_api):
    _, store = shop
    ids = [str(number) for number in range(90)]
    now = store_api.read_online(store, SERVICE, entity="item_id", ids=ids)
    oldest = timedelta(seconds=float(np.nanmax(now.ages_seconds)))
    edge = AS_OF + timedelta(days=365) - oldest
    at_edge = store_api.read_online(store, SERVICE, entity="item_id", ids=ids, as_of=edge)
    past = store_api.read_online(
        store, SERVICE, entity="item_id", ids=ids, as_of=edge + timedelta(microseconds=1)
    )
    late = store_api.read_online(
        store, SERVICE, entity="item_id", ids=ids, as_of=AS_OF + timedelta(days=366)
    )
    assert (at_edge.missing == now.missing).all()
    assert past.missing.sum() > now.missing.sum()
    assert late.missing.all()


def dump(settings):
    with sqlite3.connect(settings.online_path) as connection:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {name: connection.execute(f'select * from "{name}"').fetchall() for (name,) in names}


def test_materialising_again_changes_nothing(shop, store_api):
    settings, _ = shop
    before = dump(settings)
    counted: dict[str, int] = {}

    def progress(view, rows):
        counted[view] = counted.get(view, 0) + rows

    written = store_api.materialise(settings, as_of=AS_OF.replace(tzinfo=UTC), progress=progress)
    assert dump(settings) == before
    assert written == counted
    assert set(written) == {model.name for model in read_feature_models(settings.dbt_dir)}
    assert min(written.values()) > 0


def test_a_rebuild_with_other_rows_leaves_no_old_row_online(tmp_path, store_api):
    settings = Settings(home=tmp_path)
    write_features(settings, seed=1)
    store_api.apply(settings)
    store_api.materialise(settings, as_of=AS_OF)
    fresh = Settings(home=tmp_path / "fresh")
    for place in (settings, fresh):
        write_features(place, seed=2)
        store_api.apply(place)
        store_api.materialise(place, as_of=AS_OF)
    ids = [str(number) for number in range(90)]
    values = [
        store_api.read_online(
            store_api.open_store(place), SERVICE, entity="item_id", ids=ids
        ).values
        for place in (settings, fresh)
    ]
    np.testing.assert_array_equal(*values)


def test_a_row_written_through_feast_is_read_and_an_older_one_is_not(tmp_path, store_api):
    settings = Settings(home=tmp_path)
    write_features(settings, seed=3)
    store = store_api.apply(settings)
    store_api.materialise(settings, as_of=AS_OF)
    name = "ftr_user__purchases"
    model = next(m for m in read_feature_models(settings.dbt_dir) if m.name == name)
    for days, value in ((1, 41), (-300, 42)):
        at = AS_OF.replace(tzinfo=UTC) + timedelta(days=days)
        row = {"user_id": "7", model.timestamp: at, model.created_timestamp: at}
        row |= {column.name: value for column in model.features}
        types = {c.name: "int64" if c.data_type == "bigint" else "float64" for c in model.features}
        store.write_to_online_store(name, pa.Table.from_pylist([row]).to_pandas().astype(types))
    online = store_api.read_online(store, SERVICE, entity="user_id", ids=["7"])
    width = len(model.features)
    assert online.values[0, :width].tolist() == [41.0] * width


def test_feasts_own_materialise_writes_the_same_records(shop, store_api, tmp_path):
    settings, _ = shop
    other = Settings(home=tmp_path)
    write_features(other, seed=0)
    store = store_api.apply(other)
    end = AS_OF.replace(tzinfo=UTC)
    store.materialize(end - timedelta(days=365), end)
    ids = [str(number) for number in range(90)]
    ours = store_api.read_online(store_api.open_store(settings), SERVICE, entity="item_id", ids=ids)
    theirs = store_api.read_online(store, SERVICE, entity="item_id", ids=ids)
    np.testing.assert_array_equal(ours.values, theirs.values)
    later = end + timedelta(days=15)
    store.materialize_incremental(later)
    store_api.materialise(settings, as_of=later)
    ours = store_api.read_online(store_api.open_store(settings), SERVICE, entity="item_id", ids=ids)
    theirs = store_api.read_online(store, SERVICE, entity="item_id", ids=ids)
    np.testing.assert_array_equal(ours.values, theirs.values)
    np.testing.assert_array_equal(ours.ages_seconds, theirs.ages_seconds)
    store_api.materialise(settings, as_of=AS_OF)


def test_a_view_that_is_no_longer_declared_is_unregistered(tmp_path, store_api):
    from feature_repo import views

    settings = Settings(home=tmp_path)
    store = store_api.apply(settings)
    models = read_feature_models(settings.dbt_dir)
    [view] = views.feature_views(models[:1], features_dir=tmp_path).values()
    view.name = "ftr_item__retired"
    view.batch_source.name = "ftr_item__retired"
    store.apply([view])
    assert "ftr_item__retired" in {
        v.name for v in store_api.open_store(settings).list_feature_views()
    }
    store_api.apply(settings)
    left = {v.name for v in store_api.open_store(settings).list_feature_views()}
    assert left == {model.name for model in models}


def test_reading_before_materialising_says_what_to_run(tmp_path, store_api):
    store = store_api.apply(Settings(home=tmp_path))
    with pytest.raises(StateError, match="is not ready online") as caught:
        store_api.read_online(store, SERVICE, entity="user_id", ids=["1"])
    assert "it was not materialised" in caught.value.why


def test_materialising_without_a_feature_table_says_which_file(tmp_path, store_api):
    settings = Settings(home=tmp_path)
    store_api.apply(settings)
    with pytest.raises(StateError, match="has no feature table") as caught:
        store_api.materialise(settings, as_of=AS_OF)
    assert str(settings.features_dir) in caught.value.where


def test_materialising_before_apply_says_what_to_run(tmp_path, store_api):
    settings = Settings(home=tmp_path)
    write_features(settings, seed=0)
    with pytest.raises(StateError, match="is not registered"):
        store_api.materialise(settings, as_of=AS_OF)


def test_an_entity_that_the_service_does_not_know_is_refused(shop, store_api):
    _, store = shop
    with pytest.raises(InputError, match="has no view keyed by session_id"):
        store_api.read_online(store, SERVICE, entity="session_id", ids=["1"])


def test_opening_a_store_leaves_the_environment_as_it_was(shop, store_api):
    import os

    settings, _ = shop
    before = dict(os.environ)
    store_api.open_store(settings)
    assert dict(os.environ) == before


def test_redis_by_one_setting_gives_the_values_of_sqlite(shop, store_api, redis_url, tmp_path):
    _, on_sqlite = shop
    settings = Settings(home=tmp_path, online_store="redis", redis_url=redis_url)
    write_features(settings, seed=0)
    on_redis = store_api.apply(settings)
    for _ in range(2):
        store_api.materialise(settings, as_of=AS_OF)
        for entity, count in COUNTS.items():
            ids = [*map(str, range(count)), "absent"]
            left = store_api.read_online(on_sqlite, SERVICE, entity=entity, ids=ids)
            right = store_api.read_online(on_redis, SERVICE, entity=entity, ids=ids)
            np.testing.assert_array_equal(left.values, right.values)
            np.testing.assert_array_equal(left.ages_seconds, right.ages_seconds)
    assert not settings.online_path.exists()
