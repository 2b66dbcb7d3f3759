"""The second shop, with its real dirt: what is kept, what is set aside and why, and a full run."""

import json
import os
from pathlib import Path

import duckdb
import pytest
from sample_shop import counterfoil

from governance.settings import PROJECT_ROOT

pytestmark = pytest.mark.pipeline

GIVEN = os.environ.get("COUNTERFOIL_TEST_ONLINE_RETAIL")
FOUND = PROJECT_ROOT.parent / "shared" / "data" / "online_retail" / "online_retail.parquet"
SOURCE = Path(GIVEN) if GIVEN else FOUND

if not SOURCE.is_file():
    pytest.skip(
        "no Online Retail file: set COUNTERFOIL_TEST_ONLINE_RETAIL to one", allow_module_level=True
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("online_retail")
    done = counterfoil(folder, "import", "online_retail", "--source", str(SOURCE))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def built(home):
    done = counterfoil(home, "build")
    assert done.returncode == 0, done.stderr
    return home


def raw(home, query):
    (path,) = (home / "raw" / "online_retail" / "order_lines").glob("*/part.parquet")
    return duckdb.sql(query.format(path=path)).fetchall()


def test_every_published_line_lands_and_cancellations_are_returns(home):
    published, cancelled = duckdb.sql(
        f"select count(*), count(*) filter (InvoiceNo like 'C%') from '{SOURCE}'"
    ).fetchall()[0]
    landed, negative = raw(
        home,
        "select count(*), count(*) filter (order_id like 'C%' and quantity < 0) from '{path}'",
    )[0]
    assert (landed, negative) == (published, cancelled)


def test_lines_without_customer_stay_as_guest_orders(home):
    (published,) = duckdb.sql(
        f"select count(*) from '{SOURCE}' where CustomerID is null"
    ).fetchall()[0]
    (guests,) = raw(home, "select count(*) from '{path}' where user_id is null")[0]
    assert guests == published > 0


def test_exact_duplicates_and_prices_of_zero_are_set_aside_with_the_reason(built):
    columns = "InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID"
    expected = duckdb.sql(  # the description is the item's, not the line's
        f"select count(*) filter (UnitPrice <= 0), count(*) - "
        f"(select count(*) from (select distinct {columns} from '{SOURCE}')) from '{SOURCE}'"
    ).fetchall()[0]
    summary = json.loads((built / "quarantine" / "online_retail" / "summary.json").read_text())
    failures = {f["check"]: f["bad"] for f in summary["order_lines"]["failures"]}
    assert (failures["> 0"], failures["not an exact duplicate"]) == expected
    lines = summary["order_lines"]
    assert lines["rows_in"] == lines["rows_kept"] + lines["rows_quarantined"]


def test_prices_are_in_us_dollars_after_the_staging_models(built):
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as con:
        ratios = con.execute(
            "select distinct round(f.unit_price_usd / r.unit_price, 4) "
            "from fct_order_lines f join raw.order_lines r "
            "on f.order_id = r.order_id and f.item_id = r.item_id "
            "and f.quantity = r.quantity and f.ordered_at = r.ordered_at "
            "where r.line_number = 1 limit 5"
        ).fetchall()
    assert (1.55,) in ratios


@pytest.mark.slow
def test_the_whole_main_job_runs_on_this_shop(built):
    done = counterfoil(built, "demo")
    assert done.returncode == 0, done.stderr
    audit = json.loads(counterfoil(built, "audit", "--json").stdout)
    assert audit["shop"] == "online_retail"
    assert audit["model"]["metrics"]["ndcg_at_10"] > 0
