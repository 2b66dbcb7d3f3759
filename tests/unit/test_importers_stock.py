"""Counts of stock land from a file of the shop contract's columns, to be checked like any table."""

from pathlib import Path

import duckdb
import pytest

from flows import ledger
from flows.importers.registry import import_beside
from flows.stage_list import stage_named
from flows.stages import fingerprint
from governance.errors import InputError
from governance.settings import Settings

HEAD = "item_id,on_hand,snapshot_at"


def land(folder: Path, text: str) -> list[tuple[object, ...]]:
    file = folder / "stock.csv"
    file.write_text(text, encoding="utf-8")
    landing = import_beside("stock", str(file), settings=Settings(home=folder / "home"))
    columns = "item_id, on_hand, snapshot_at::varchar, is_synthetic"
    return duckdb.sql(f"select {columns} from '{landing.path}'").fetchall()


def test_counts_land_in_the_order_of_their_times_in_utc(tmp_path: Path) -> None:
    text = f"{HEAD},shelf\n7,2.5,2017-03-02T01:00:00+02:00,a\n007,-3,2017-03-01,b\n"
    assert land(tmp_path, text) == [
        ("007", -3.0, "2017-03-01 00:00:00", False),
        ("7", 2.5, "2017-03-01 23:00:00", False),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("item_id,units,snapshot_at\n7,1,2017-03-01\n", "no column on_hand"),
        (f"{HEAD}\n7,some,2017-03-01\n", "on_hand of stock.csv is not double"),
        (f"{HEAD}\n7,1,today\n", "snapshot_at of stock.csv is not timestamp"),
        (f"{HEAD}\n", "has no rows"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        land(tmp_path, text)
    assert caught.value.where
    assert caught.value.next_step


def test_counts_that_land_make_the_raw_checks_stale(tmp_path: Path) -> None:
    settings, checks = Settings(home=tmp_path / "home"), stage_named("check_raw")
    for name in checks.after:
        state = ledger.StageState(name, "mark", "done", 1.0, {})
        ledger.write_state(settings.stages_dir, state)
    before = fingerprint(checks, settings, source_digest="")
    land(tmp_path, f"{HEAD}\n7,1,2017-03-01\n")
    assert fingerprint(checks, settings, source_digest="") != before
