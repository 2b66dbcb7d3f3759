"""The feature store end to end on generated tables: one shop, one process, one Feast import."""

import sqlite3
from datetime import UTC, timedelta

import numpy as np
import pytest
from sample_features import AS_OF, write_features

from governance.declarations import read_feature_models
from governance.errors import StateError
from governance.settings import Settings

pytestmark = pytest.mark.pipeline

SERVICE = "recommender_v1"


def dump(settings):
    with sqlite3.connect(settings.online_path) as connection:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {name: connection.execute(f'select * from "{name}"').fetchall() for (name,) in names}


def test_materialising_again_changes_nothing(online_shop, store_api):
    settings, _ = online_shop
    before = dump(settings)
    counted: dict[str, int] = {}

    def progress(view, done, total):
        counted[view] = done
        assert done <= total

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
        store_api.read_matrix(
            store_api.open_store(place), SERVICE, entity="item_id", ids=ids
        ).values
        for place in (settings, fresh)
    ]
    np.testing.assert_array_equal(*values)


def test_feasts_own_materialise_writes_the_same_records(online_shop, store_api, tmp_path):
    settings, _ = online_shop
    other = Settings(home=tmp_path)
    write_features(other, seed=0)
    store = store_api.apply(other)
    end = AS_OF.replace(tzinfo=UTC)
    store.materialize(end - timedelta(days=365), end)
    ids = [str(number) for number in range(90)]
    ours = store_api.read_matrix(store_api.open_store(settings), SERVICE, entity="item_id", ids=ids)
    theirs = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ids)
    np.testing.assert_array_equal(ours.values, theirs.values)
    later = end + timedelta(days=15)
    store.materialize_incremental(later)
    store_api.materialise(settings, as_of=later)
    ours = store_api.read_matrix(store_api.open_store(settings), SERVICE, entity="item_id", ids=ids)
    theirs = store_api.read_matrix(store, SERVICE, entity="item_id", ids=ids)
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


def test_opening_a_store_leaves_the_environment_as_it_was(online_shop, store_api):
    import os

    settings, _ = online_shop
    before = dict(os.environ)
    store_api.open_store(settings)
    assert dict(os.environ) == before
