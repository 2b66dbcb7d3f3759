"""Online reads end to end on generated tables: equal to offline, fresh by the ttl, one trip."""

from datetime import UTC, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sample_features import AS_OF, COUNTS, US, write_features

from feature_repo.services import service_views
from governance.declarations import read_feature_models
from governance.errors import InputError, StateError
from governance.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.pipeline

SERVICE = "recommender_v1"
ITEM_IDS = [str(number) for number in range(COUNTS["item_id"])]


@pytest.mark.parametrize("entity", ["user_id", "item_id"])
def test_online_values_equal_offline_values(online_shop, store_api, entity):
    settings, store = online_shop
    ids = [*map(str, range(COUNTS[entity])), "absent"]
    asked = pa.table(
        {"user_id": ids, "item_id": ids, "event_timestamp": pa.array([AS_OF] * len(ids), US)}
    )
    offline = store_api.historical_features(asked, service=SERVICE, settings=settings)
    online = store_api.read_matrix(store, SERVICE, entity=entity, ids=ids)
    names = [column.name for column in online.columns]
    assert names == [c.name for c in store_api.service_columns(SERVICE, entity=entity)]
    expected = np.stack([pc.cast(offline[name], pa.float64()).to_numpy() for name in names], axis=1)
    np.testing.assert_array_equal(online.values, expected)
    np.testing.assert_array_equal(online.missing, np.isnan(expected))
    assert 0 < online.missing.mean() < 1
    assert online.missing[-1].all()
    assert np.isnan(online.ages_seconds[-1])


def test_feasts_own_online_read_gives_the_same_values(online_shop, store_api):
    _, store = online_shop
    ids = [*map(str, range(20)), "absent"]
    ours = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ids)
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


def test_rows_past_their_ttl_are_missing_and_the_edge_still_counts(online_shop, store_api):
    _, store = online_shop
    ids = [str(number) for number in range(90)]
    now = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ids)
    oldest = timedelta(seconds=float(np.nanmax(now.ages_seconds)))
    edge = AS_OF + timedelta(days=365) - oldest
    at_edge = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ids, as_of=edge)
    past = store_api.read_matrix(
        store, SERVICE, entity="item_id", ids=ids, as_of=edge + timedelta(microseconds=1)
    )
    late = store_api.read_matrix(
        store, SERVICE, entity="item_id", ids=ids, as_of=AS_OF + timedelta(days=366)
    )
    assert (at_edge.missing == now.missing).all()
    assert past.missing.sum() > now.missing.sum()
    assert late.missing.all()


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
    online = store_api.read_matrix(store, SERVICE, entity="user_id", ids=["7"])
    width = len(model.features)
    assert online.values[0, :width].tolist() == [41.0] * width


def test_reading_before_materialising_says_what_to_run(tmp_path, store_api):
    store = store_api.apply(Settings(home=tmp_path))
    with pytest.raises(StateError, match="is not ready online") as caught:
        store_api.read_matrix(store, SERVICE, entity="user_id", ids=["1"])
    assert "it was not materialised" in caught.value.why


def test_an_entity_that_the_service_does_not_know_is_refused(online_shop, store_api):
    _, store = online_shop
    with pytest.raises(InputError, match="has no view keyed by session_id"):
        store_api.read_matrix(store, SERVICE, entity="session_id", ids=["1"])


def test_redis_by_one_setting_gives_the_values_of_sqlite(
    online_shop, store_api, redis_url, tmp_path
):
    _, on_sqlite = online_shop
    settings = Settings(home=tmp_path, online_store="redis", redis_url=redis_url)
    write_features(settings, seed=0)
    on_redis = store_api.apply(settings)
    for _ in range(2):
        store_api.materialise(settings, as_of=AS_OF)
        for entity, count in COUNTS.items():
            ids = [*map(str, range(count)), "absent"]
            left = store_api.read_matrix(on_sqlite, SERVICE, entity=entity, ids=ids)
            right = store_api.read_matrix(on_redis, SERVICE, entity=entity, ids=ids)
            np.testing.assert_array_equal(left.values, right.values)
            np.testing.assert_array_equal(left.ages_seconds, right.ages_seconds)
    assert not settings.online_path.exists()


def feasts_answer(store, ids):
    """Feast's answer for what ``SERVICE`` reads of items."""
    views = [(m.name, part) for m, part in service_views(SERVICE) if m.entities == ("item_id",)]
    answer = store.get_online_features(
        features=[f"{name}:{column.name}" for name, part in views for column in part],
        entity_rows=[{"item_id": key} for key in ids],
    )
    return answer.to_dict()


def test_feasts_own_read_keeps_the_ttl_too_at_the_data_clock(tmp_path, store_api):
    """Stock Feast answers with a row however old it is (feast#6821)."""
    settings = Settings(home=tmp_path)
    write_features(settings, seed=0)
    store = store_api.apply(settings)
    store_api.materialise(settings, as_of=AS_OF)
    before = feasts_answer(store, ITEM_IDS)
    ages = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ITEM_IDS).ages_seconds
    at = AS_OF.replace(tzinfo=UTC) + timedelta(days=365) - timedelta(seconds=np.nanmax(ages))
    for moved, is_edge in ((at, True), (at + timedelta(microseconds=1), False)):
        push_user(store, moved)  # the newest event that the store has seen moves its clock
        ours = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ITEM_IDS)
        answer = feasts_answer(store, ITEM_IDS)
        for place, column in enumerate(ours.columns):
            theirs = np.array(answer[column.name], dtype=np.float64)
            np.testing.assert_array_equal(theirs, ours.values[:, place])
        assert (answer == before) == is_edge


def push_user(store, at):
    name = "ftr_user__engagement"
    model = next(m for m in read_feature_models(PROJECT_ROOT / "dbt") if m.name == name)
    row = {"user_id": "7", model.timestamp: at, model.created_timestamp: at}
    row |= dict.fromkeys((column.name for column in model.features), 1)
    types = {c.name: "int64" if c.data_type == "bigint" else "float64" for c in model.features}
    store.write_to_online_store(name, pa.Table.from_pylist([row]).to_pandas().astype(types))


def test_by_the_wall_clock_a_shop_that_ended_has_no_fresh_row(online_shop, store_api):
    settings, _ = online_shop
    live = settings.model_copy(update={"online_clock": "wall"})
    store = store_api.open_store(live)
    online = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ITEM_IDS)
    assert online.missing.all()
    answer = feasts_answer(store, ITEM_IDS)
    assert answer.pop("item_id") == ITEM_IDS
    assert {cell for cells in answer.values() for cell in cells} == {None}
    at_the_end = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ITEM_IDS, as_of=AS_OF)
    assert not at_the_end.missing.all()


def test_a_request_for_a_user_and_items_is_what_two_reads_are(online_shop, store_api):
    _, store = online_shop
    asked = {"user_id": ["3"], "item_id": [*ITEM_IDS[::-1], "absent"]}
    together = store_api.read_request(store, SERVICE, ids=asked)
    for entity, ids in asked.items():
        alone = store_api.read_matrix(store, SERVICE, entity=entity, ids=ids)
        np.testing.assert_array_equal(together[entity].values, alone.values)
        np.testing.assert_array_equal(together[entity].ages_seconds, alone.ages_seconds)
        assert together[entity].columns == alone.columns
        assert together[entity].read_at == alone.read_at


def test_rows_hold_the_numbers_of_the_matrix_and_nulls_where_it_has_none(online_shop, store_api):
    _, store = online_shop
    ids = [*ITEM_IDS, "absent"]
    rows = store_api.read_rows(store, SERVICE, entity="item_id", ids=ids)
    matrix = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ids)
    assert rows.column_names == ["item_id", *(column.name for column in matrix.columns)]
    for place, column in enumerate(matrix.columns):
        cells = np.array(rows[column.name].to_pylist(), dtype=np.float64)
        np.testing.assert_array_equal(cells, matrix.values[:, place])
        assert rows[column.name].null_count == matrix.missing[:, place].sum()


def test_deleted_people_are_strangers_from_then_on(tmp_path, store_api):
    settings = Settings(home=tmp_path)
    write_features(settings, seed=0)
    store = store_api.apply(settings)
    store_api.materialise(settings, as_of=AS_OF)
    ids = [str(number) for number in range(COUNTS["user_id"])]
    before = store_api.read_matrix(store, SERVICE, entity="user_id", ids=ids)
    removed = store_api.delete_entities(store, entity="user_id", ids=ids[:3])
    assert set(removed) == {"ftr_user__purchases", "ftr_user__engagement", "ftr_user__text"}
    assert 0 < sum(removed.values()) <= 9
    after = store_api.read_matrix(store, SERVICE, entity="user_id", ids=ids)
    assert after.missing[:3].all()
    np.testing.assert_array_equal(after.values[3:], before.values[3:])
