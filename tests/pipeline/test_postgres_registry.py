"""Feast's registry lives in PostgreSQL by one URL: the same features, and none left in the home."""

import duckdb
import numpy as np
import pytest

from governance.errors import StateError
from governance.settings import Settings

pytestmark = pytest.mark.pipeline

SERVICE = "recommender_v1"


@pytest.fixture(scope="module")
def homes(shop_home, postgres_url, tmp_path_factory, store_api):
    """The sample's features applied and materialised twice: by SQLite, and by PostgreSQL."""
    found = []
    for url in ("", postgres_url):
        home = tmp_path_factory.mktemp("registry")
        (home / "features").symlink_to(shop_home / "features")
        settings = Settings(home=home, registry_url=url, records_url=url)
        store_api.apply(settings)
        store_api.materialise(settings, as_of=build_day(settings))
        found.append(settings)
    return found


def build_day(settings):
    from flows.steps.materialise import build_day as newest

    return newest(settings)


def test_the_home_holds_no_registry_when_postgres_does(homes):
    on_sqlite, on_postgres = homes
    assert (on_sqlite.home_dir / "registry.db").exists()
    assert not (on_postgres.home_dir / "registry.db").exists()


def test_historical_features_are_those_of_the_registry_in_sqlite(homes, store_api):
    path = homes[0].features_dir / "ftr_user__purchases.parquet"
    labels = duckdb.sql(
        "select user_id, '1' as item_id, event_timestamp + interval 3 hour as event_timestamp "
        f"from '{path}' order by hash(user_id, event_timestamp) limit 500"
    ).to_arrow_table()
    left, right = (
        store_api.historical_features(labels, service=SERVICE, settings=settings)
        for settings in homes
    )
    assert left.equals(right)
    assert right["user__order_count"].null_count < 500


def test_online_values_are_those_of_the_registry_in_sqlite(homes, store_api):
    path = homes[0].features_dir / "ftr_item__sales.parquet"
    rows = duckdb.sql(
        f"select distinct item_id from '{path}' order by item_id limit 300"
    ).fetchall()
    ids = [item for (item,) in rows]
    left, right = (
        store_api.read_matrix(store_api.open_store(settings), SERVICE, entity="item_id", ids=ids)
        for settings in homes
    )
    np.testing.assert_array_equal(left.values, right.values)
    assert not right.missing.all()


def test_the_registry_remembers_what_was_materialised_to_every_process(homes, store_api):
    _, settings = homes
    view = store_api.open_store(settings).get_feature_view("ftr_user__purchases")
    _, end = view.materialization_intervals[-1]
    assert end == build_day(settings)


def test_applying_again_changes_nothing_and_materialising_again_neither(homes, store_api):
    _, settings = homes
    store = store_api.apply(settings)
    names = {view.name for view in store.list_feature_views()}
    store_api.materialise(settings, as_of=build_day(settings))
    again = store_api.open_store(settings)
    assert {view.name for view in again.list_feature_views()} == names
    assert SERVICE in {service.name for service in again.list_feature_services()}


def test_online_equals_offline_with_registry_and_records_in_postgres(homes):
    from flows.steps.check_online import run

    _, settings = homes
    reads = run(settings, lambda text: None).facts["reads"]
    assert reads["live"] == settings.checked_reads
    assert not (settings.home_dir / "records.db").exists()


def test_a_registry_that_does_not_answer_is_named_without_its_user(tmp_path, store_api):
    url = "postgresql+psycopg://someone:secret@127.0.0.1:1/shop"
    with pytest.raises(StateError, match="registry cannot be opened") as caught:
        store_api.apply(Settings(home=tmp_path, registry_url=url))
    assert caught.value.where == "127.0.0.1:1/shop"
    assert "COUNTERFOIL_REGISTRY_URL" in caught.value.next_step
    assert "secret" not in str(caught.value)
