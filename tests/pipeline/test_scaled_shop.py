"""The generator of larger shops multiplies the shoppers and what they do, and nothing else."""

import duckdb
import pytest
from benchmarks.scaled_shop import OF_ONE_SHOPPER, scale

from flows.importers.landing import current_landing
from governance.settings import Settings

pytestmark = pytest.mark.pipeline

TIMES = 3
KEYS = {
    "users": "user_id",
    "order_lines": "order_id || ' ' || line_number",
    "events": "event_id",
    "searches": "query_id",
}


@pytest.fixture(scope="module")
def shops(shop_home, tmp_path_factory):
    source = Settings(home=shop_home)
    target = source.model_copy(update={"home": tmp_path_factory.mktemp("scaled")})
    rows = dict(scale(source, target, times=TIMES))
    return source, target, rows


def path_of(settings, table):
    return current_landing(settings.raw_dir, settings.shop, table).path


@pytest.mark.parametrize("table", KEYS)
def test_every_row_of_a_shopper_is_there_that_many_times_under_other_ids(shops, table):
    source, target, rows = shops
    key = KEYS[table]
    with duckdb.connect() as con:
        before = con.execute(
            f"select count(*) from '{path_of(source, table)}' where user_id is not null"
        ).fetchall()[0][0]
        count, distinct = con.execute(
            f"select count(*), count(distinct {key}) from '{path_of(target, table)}'"
        ).fetchall()[0]
    assert rows[table] == count == distinct == TIMES * before


def test_items_and_promotions_are_shared(shops):
    source, _, rows = shops
    for table in ("items", "promotions"):
        landed = current_landing(source.raw_dir, source.shop, table)
        assert rows[table] == landed.rows


def test_an_order_and_its_events_stay_with_one_copy_of_a_shopper(shops):
    _, target, _ = shops
    with duckdb.connect() as con:
        strangers = con.execute(f"""
            select count(*)
            from '{path_of(target, "events")}' as e
            inner join '{path_of(target, "order_lines")}' as o
                on e.derived_from_order_id = o.order_id
            where e.user_id <> o.user_id
        """).fetchall()[0][0]
    assert strangers == 0
    assert "item_id" not in OF_ONE_SHOPPER
