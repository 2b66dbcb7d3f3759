"""Online Retail becomes raw tables with its dirt: returns, guests, repeats, prices of nothing."""

import os
from pathlib import Path

import duckdb
import pytest

from flows.importers.online_retail import selects
from flows.importers.registry import import_shop
from governance.errors import InputError
from governance.settings import PROJECT_ROOT, Settings

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
LINES = """536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536366,85123A,white heart,1,2011-07-01 12:00:00,2.95,,United Kingdom
C536367,85123A,WHITE HANGING HEART,-6,2011-07-02 12:00:00,2.55,17850.0,France
536368,21000,,-3,2011-07-02 12:00:00,0.0,,United Kingdom
536369,22000,£ GIFT | B,1,2011-07-03 12:00:00,1.0,12345,France
536369,22000,A GIFT,1,2011-07-03 12:00:00,2.0,12345,France
"""


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    path = tmp_path / "retail.csv"
    path.write_text(HEADER + LINES, encoding="utf-8")
    return path


def _rows(path: Path, table: str, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        found = {select.table: select.sql for select in selects(con, path, name="")}
        return con.execute(f"select {columns} from ({found[table]}) order by all").fetchall()


def test_no_line_is_lost_or_mended(csv_path: Path) -> None:
    rows = _rows(csv_path, "order_lines", "order_id, line_number, user_id, quantity, unit_price")
    assert rows == [
        ("536365", 1, "17850", 6, 2.55),
        ("536365", 2, "17850", 6, 2.55),
        ("536366", 1, None, 1, 2.95),
        ("536368", 1, None, -3, 0.0),
        ("536369", 1, "12345", 1, 1.0),
        ("536369", 2, "12345", 1, 2.0),
        ("C536367", 1, "17850", -6, 2.55),
    ]


def test_london_time_becomes_utc(csv_path: Path) -> None:
    rows = _rows(
        csv_path, "order_lines", "ordered_at::varchar, order_id, currency, channel, discount"
    )
    assert rows[0] == ("2010-12-01 08:26:00", "536365", "GBP", "online", 0.0)
    assert rows[2] == ("2011-07-01 11:00:00", "536366", "GBP", "online", 0.0)


def test_the_title_is_the_most_frequent_description(csv_path: Path) -> None:
    rows = _rows(csv_path, "items", "item_id, title, description, price_listed")
    assert rows == [
        ("21000", "Unlisted product 21000", None, None),
        ("22000", "A GIFT", "£ GIFT | B", 2.0),
        ("85123A", "WHITE HANGING HEART", "white heart", 2.55),
    ]


def test_a_user_has_the_last_country(csv_path: Path) -> None:
    rows = _rows(csv_path, "users", "user_id, country")
    assert rows == [("12345", "France"), ("17850", "France")]


def test_the_published_csv_form_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    line = "536365,1,£ GIFT,6,12/1/2010 8:26,2.55,17850,United Kingdom\n"
    path.write_bytes((HEADER + line).encode("latin-1"))
    assert _rows(path, "order_lines", "ordered_at::varchar") == [("2010-12-01 08:26:00",)]
    assert _rows(path, "items", "title") == [("£ GIFT",)]


@pytest.mark.parametrize(
    ("old", "new", "what", "where"),
    [
        ("UnitPrice", "Price", "no column UnitPrice", ""),
        (",6,2010", ",six,2010", "column Quantity of retail.csv is not bigint", "row 1"),
        ("-3,", "-3.5,", "column Quantity of retail.csv is not bigint", "row 5"),
        (",2.95,", ",dear,", "column UnitPrice of retail.csv is not double", "row 3"),
        ("2011-07-03 12:00:00,1.0", "soon,1.0", "InvoiceDate of retail.csv is not a time", "row 6"),
        (LINES, "", "retail.csv has no rows", ""),
    ],
)
def test_wrong_input_is_one_error_with_a_place(
    csv_path: Path, old: str, new: str, what: str, where: str
) -> None:
    csv_path.write_text((HEADER + LINES).replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=what) as caught:
        _rows(csv_path, "order_lines", "order_id")
    assert where in caught.value.where
    assert caught.value.why
    assert caught.value.next_step


def _real_file() -> Path:
    default = PROJECT_ROOT / "../shared/data/online_retail/online_retail.parquet"
    return Path(os.environ.get("COUNTERFOIL_TEST_ONLINE_RETAIL", default))


@pytest.mark.pipeline
@pytest.mark.skipif(
    not _real_file().is_file(), reason="COUNTERFOIL_TEST_ONLINE_RETAIL names no Online Retail file"
)
def test_the_real_file_lands_line_for_line(tmp_path: Path) -> None:
    path = _real_file()
    settings = Settings(home=tmp_path / "home")
    landed = {
        landing.table: landing
        for landing in import_shop("online_retail", source=str(path), settings=settings)
    }
    with duckdb.connect() as con:
        source = con.execute(
            f"""select count(*), sum(Quantity), count(distinct CustomerID),
            count(distinct StockCode), count(*) filter (CustomerID is null) from '{path}'"""
        ).fetchall()[0]
        ours = con.execute(
            f"""select count(*), sum(quantity), count(distinct user_id),
            count(distinct item_id), count(*) filter (user_id is null)
            from '{landed["order_lines"].path}'"""
        ).fetchall()[0]
    assert ours == source
    assert (landed["users"].rows, landed["items"].rows) == (source[2], source[3])
