"""The comparison of two engines' tables: whatever differs is found, to the last bit."""

import shutil

import duckdb
import pytest

from flows.spark_demo import demo_settings, missing_for_spark, refuse_without_spark
from flows.steps.compare_engines import compare
from governance.errors import InputError
from governance.settings import Settings

ROWS = "select * from (values ('ann', 1, 0.1), ('bob', 2, 0.5)) t(user_id, orders, rate)"


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        connection.execute(f"create table t as {ROWS}").fetchall()
        connection.execute("alter table t alter rate type double").fetchall()
        yield connection


def spark_rows(rate="rate::double", more="") -> str:
    return f"select user_id, orders, {rate} as rate from ({ROWS}) {more}"


def test_the_same_rows_in_another_order_are_the_same(con):
    found = compare(con, "t", spark_rows(more="order by user_id desc"))
    assert found.is_same
    assert found.rows == 2


def test_the_last_bit_of_a_double_is_a_difference(con):
    found = compare(con, "t", spark_rows("nextafter(rate::double, 1::double)"))
    assert (found.only_duckdb, found.only_spark) == (2, 2)
    assert "ann" in found.sample


@pytest.mark.parametrize(
    ("sql", "only_duckdb", "only_spark"),
    [
        (spark_rows(more="where user_id = 'ann'"), 1, 0),
        (f"{spark_rows()} union all {spark_rows(more='where orders = 1')}", 0, 1),
        (spark_rows("nullif(rate, 0.5)::double"), 1, 1),
    ],
    ids=["a row is missing", "a row comes twice", "a value is null"],
)
def test_a_row_too_few_or_too_many_is_a_difference(con, sql, only_duckdb, only_spark):
    found = compare(con, "t", sql)
    assert (found.only_duckdb, found.only_spark) == (only_duckdb, only_spark)
    assert not found.is_same


def test_another_type_is_a_difference_even_where_values_agree(con):
    found = compare(con, "t", spark_rows("rate::float"))
    assert not found.is_same
    assert "rate" in found.sample


def test_a_machine_without_java_or_packages_is_told_what_is_missing(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(InputError, match=missing_for_spark().split(" (")[0]):
        refuse_without_spark()


def test_the_demo_has_a_home_of_its_own_inside_the_home(tmp_path):
    demo = demo_settings(Settings(home=tmp_path, shop="online_retail"), households=10)
    assert demo.home_dir == tmp_path / "spark_demo"
    assert demo.shop == "complete_journey"
    assert demo.as_env()["COUNTERFOIL_SIMULATED_EVENTS"] == str(demo.simulated_events)
