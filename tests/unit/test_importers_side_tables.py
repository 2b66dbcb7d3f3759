"""Reviews and stock land from files of the contract's columns; what is wrong is named."""

from pathlib import Path

import duckdb
import pytest
from hostile_texts import ODD_TEXTS

from flows import ledger
from flows.importers.landing import Landing
from flows.importers.registry import import_beside
from flows.stage_list import stage_named
from flows.stages import fingerprint
from governance.errors import InputError
from governance.settings import Settings

HEAD = "review_id,item_id,body,reviewed_at"
STOCK = "item_id,on_hand,snapshot_at"


def land(folder: Path, text: str, table: str = "reviews") -> Landing:
    file = folder / f"{table}.csv"
    file.write_text(text, encoding="utf-8")
    return import_beside(table, str(file), settings=Settings(home=folder / "home"))


def rows(landing: Landing) -> list[tuple[object, ...]]:
    columns = "review_id, item_id, user_id, rating, title, body, reviewed_at::varchar"
    return duckdb.sql(f"select {columns} from '{landing.path}'").fetchall()


def test_columns_that_may_be_missing_are_null_and_others_are_left_out(tmp_path: Path) -> None:
    landing = land(tmp_path, f"{HEAD},colour\nr1,7,good,2017-03-01T12:00:00+02:00,red\n")
    assert rows(landing) == [("r1", "7", None, None, None, "good", "2017-03-01 10:00:00")]


def test_every_column_of_the_contract_is_read(tmp_path: Path) -> None:
    text = f"{HEAD},user_id,rating,title\nr2,7,,2017-03-02,ann,4.5,Fine\n"
    wanted = ("r2", "7", "ann", 4.5, "Fine", None, "2017-03-02 00:00:00")
    assert rows(land(tmp_path, text)) == [wanted]


def test_counts_of_stock_land_in_the_order_of_their_times_in_utc(tmp_path: Path) -> None:
    text = f"{STOCK},shelf\n7,2.5,2017-03-02T01:00:00+02:00,a\n007,-3,2017-03-01,b\n"
    columns = "item_id, on_hand, snapshot_at::varchar, is_synthetic"
    path = land(tmp_path, text, "stock").path
    assert duckdb.sql(f"select {columns} from '{path}'").fetchall() == [
        ("007", -3.0, "2017-03-01 00:00:00", False),
        ("7", 2.5, "2017-03-01 23:00:00", False),
    ]


@pytest.mark.parametrize(
    ("table", "text", "said"),
    [
        ("reviews", "review_id,item_id,text,reviewed_at\nr1,7,good,2017-03-01\n", "no column body"),
        (
            "reviews",
            f"{HEAD}\nr1,7,good,yesterday\n",
            "reviewed_at of reviews.csv is not timestamp",
        ),
        (
            "reviews",
            f"{HEAD},rating\nr1,7,good,2017-03-01,many\n",
            "rating of reviews.csv is not double",
        ),
        ("reviews", f"{HEAD}\n", "has no rows"),
        ("stock", "item_id,units,snapshot_at\n7,1,2017-03-01\n", "no column on_hand"),
        ("stock", f"{STOCK}\n7,some,2017-03-01\n", "on_hand of stock.csv is not double"),
        ("stock", f"{STOCK}\n7,1,today\n", "snapshot_at of stock.csv is not timestamp"),
        ("stock", f"{STOCK}\n", "has no rows"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, table: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        land(tmp_path, text, table)
    assert caught.value.where
    assert caught.value.next_step


def test_odd_texts_land_as_they_were_written(tmp_path: Path) -> None:
    odd = [text for text in ODD_TEXTS.values() if "\ud83d" not in text and "\x00" not in text]
    table = tmp_path / "reviews.parquet"
    with duckdb.connect() as con:
        con.execute(
            "copy (select 'r' || i as review_id, '7' as item_id, texts[i] as body,"
            " date '2017-03-01' as reviewed_at"
            f" from (select $texts as texts), range(1, $n) t(i)) to '{table}'",
            {"texts": odd, "n": len(odd) + 1},
        ).fetchall()
    landing = import_beside("reviews", str(table), settings=Settings(home=tmp_path / "home"))
    assert sorted(str(row[5]) for row in rows(landing)) == sorted(odd)


@pytest.mark.parametrize(
    ("table", "first", "second"),
    [
        ("reviews", f"{HEAD}\nr1,7,good,2017-03-01\n", f"{HEAD}\nr1,7,bad,2017-03-01\n"),
        ("stock", f"{STOCK}\n7,1,2017-03-01\n", f"{STOCK}\n7,0,2017-03-01\n"),
    ],
)
def test_rows_that_land_make_the_raw_checks_stale(
    tmp_path: Path, table: str, first: str, second: str
) -> None:
    settings, checks = Settings(home=tmp_path / "home"), stage_named("check_raw")
    for name in checks.after:
        state = ledger.StageState(name, "mark", "done", 1.0, {})
        ledger.write_state(settings.stages_dir, state)
    before = fingerprint(checks, settings, source_digest="")
    land(tmp_path, first, table)
    once = fingerprint(checks, settings, source_digest="")
    land(tmp_path, second, table)
    assert len({before, once, fingerprint(checks, settings, source_digest="")}) == 3
