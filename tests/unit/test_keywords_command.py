"""``counterfoil listings keywords``: the shop's search run again, repairs that wait."""

import json
from datetime import UTC, datetime

import duckdb
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from small_search import build_small, products, untaught_encoder
from typer.testing import CliRunner

from flows.cli import app
from flows.importers.landing import land
from flows.keywords import Keywords
from governance.errors import InputError, StateError
from governance.settings import Settings

ITEM = "i44"  # no shopper's word for it stands in any title
ASKED = {"ergonomic": 2, "ergonomic typing": 1}  # queries and how often ITEM was bought after them
HOSTILE = [text.encode(errors="ignore").decode().replace("\x00", "") for text in ODD_TEXTS.values()]


def _warehouse(path, asked, *, is_synthetic):
    """The warehouse's own tables with nothing but what keywords read."""
    rows = [
        (f"q{number}-{times}", f"s{number}-{times}", query)
        for number, (query, bought) in enumerate(asked.items())
        for times in range(bought)
    ]
    with duckdb.connect(str(path)) as warehouse:
        warehouse.execute("create table dim_items (item_id text, department text, category text, "
                          "product_type text)").fetchall()  # fmt: skip
        warehouse.executemany(
            "insert into dim_items values (?, 'Devices', ?, null)",
            [(one.item_id, one.category.split(" > ")[1]) for one in products()],
        )
        warehouse.execute("create table fct_searches (query_id text, query text, "
                          "is_synthetic boolean)").fetchall()  # fmt: skip
        warehouse.execute("create table fct_events (session_id text, item_id text, query_id text, "
                          "event_type text)").fetchall()  # fmt: skip
        for query_id, session_id, query in rows:
            warehouse.execute(
                "insert into fct_searches values (?, ?, ?)", [query_id, query, is_synthetic]
            ).fetchall()
            warehouse.execute(
                "insert into fct_events values ($s, $i, $q, 'impression'), "
                "($s, $i, null, 'purchase')",
                {"s": session_id, "i": ITEM, "q": query_id},
            ).fetchall()


def _land_items(settings):
    values = ", ".join(
        f"('{one.item_id}', '{one.title}', '{one.brand}', '{one.category}', {one.price})"
        for one in products()
    )
    sql = f"""
        select item_id, title, null::varchar as description, brand, category_path,
            null::varchar as manufacturer_id, null::varchar as package_size,
            price_listed::double as price_listed, timestamp '2017-01-01' as listed_at,
            false as is_synthetic
        from (values {values}) as items(item_id, title, brand, category_path, price_listed)
    """
    with duckdb.connect() as con:
        land(
            "items", sql, con, shop=settings.shop, raw_dir=settings.raw_dir, source="test",
            source_sha256="a", landed_at=datetime(2024, 1, 1, tzinfo=UTC),
        )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A home with an index and landed items, and no warehouse yet."""
    home = tmp_path_factory.mktemp("home")
    encoder = untaught_encoder(home)
    build_small(home, encoder)
    _land_items(Settings(home=home))
    return home, encoder


@pytest.fixture
def home(built, monkeypatch, fresh_settings):
    monkeypatch.setenv("COUNTERFOIL_HOME", str(built[0]))
    monkeypatch.setenv("COUNTERFOIL_ENCODER", built[1])
    (built[0] / "warehouse.duckdb").unlink(missing_ok=True)
    return built[0]


def _asked(*arguments):
    result = CliRunner().invoke(app, ["listings", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.pipeline
def test_a_word_that_shoppers_use_is_proposed_and_the_shops_own_search_finds_it_then(home):
    _warehouse(home / "warehouse.duckdb", ASKED, is_synthetic=True)
    report = _asked("keywords", "--limit", "5")
    (found,) = report["items"]
    assert found["item"] == ITEM
    assert found["words"] == [
        {"word": "ergonomic", "because": "bought 3 times after 2 queries with it"}
    ]
    assert found["refused"] == {"typing": "nothing says that the item is so"}
    ranks = {one["query"]: (one["rank_before"], one["rank_after"]) for one in found["queries"]}
    before, after = ranks["ergonomic"]
    assert before is None or before > 10
    assert after == 1
    assert (report["searches"], report["simulated_searches"]) == (3, 3)
    assert "no shopper's" in report["told"]
    waiting = {one["id"]: one for one in _asked("propose", "--limit", "1")}
    repair = waiting[found["repair"]["id"]]
    assert (repair["kind"], repair["after"]) == ("keywords", found["amended_title"])
    assert "bought 3 times" in repair["reason"]
    accepted = _asked("accept", repair["id"], "--by", "ann")
    assert accepted["event"] == "applied"
    (again,) = _asked("keywords", "--item", ITEM)["items"]
    assert again["repair"] is None, "the title is another now than the one that was indexed"


@pytest.mark.pipeline
def test_hostile_queries_crash_nothing_and_what_they_order_stands_in_no_title(home):
    hostile = [*HOSTILE, *(f"keyboard{text}" for text in STEERING)]
    _warehouse(home / "warehouse.duckdb", dict.fromkeys(hostile, 1), is_synthetic=False)
    for one in _asked("keywords")["items"]:
        assert {word["word"] for word in one["words"]} <= {"apple", "juice", "keyboard"}
    result = CliRunner().invoke(app, ["listings", "keywords"])
    assert result.exit_code == 0, result.output
    assert "searches of shoppers" in result.stdout


def test_what_is_missing_is_named_with_what_to_run(home):
    def error_of(*arguments):
        return CliRunner().invoke(app, ["listings", "keywords", *arguments]).exception

    assert isinstance(error := error_of(), StateError)
    assert "counterfoil build" in str(error)
    _warehouse(home / "warehouse.duckdb", {}, is_synthetic=False)
    assert "no search of this shop led to a purchase" in str(error_of())
    (home / "warehouse.duckdb").unlink()
    _warehouse(home / "warehouse.duckdb", ASKED, is_synthetic=False)
    assert isinstance(error := error_of("--item", "nowhere"), InputError)
    assert "there is no item nowhere" in str(error)


@pytest.mark.parametrize(
    ("simulated", "told"), [(0, "10 searches of shoppers"), (4, "4 of them simulated")]
)
def test_whose_words_they_are_is_said(simulated, told):
    assert told in Keywords([], 1, "v", 10, simulated).told
