"""Text features of the sample shop: what is pushed equals what a build makes."""

import json
import shutil

import duckdb
import pyarrow.parquet as pq
import pytest
from sample_shop import counterfoil

from flows.text_tables import define_views, table_path
from governance.settings import Settings

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def home(shop_home, tmp_path_factory):
    copy = tmp_path_factory.mktemp("texts") / "home"
    skipped = shutil.ignore_patterns("prefect", "bundles", "training_sets", "reports")
    shutil.copytree(shop_home, copy, ignore=skipped)
    return copy


def test_every_item_has_a_row_and_every_search_its_intent(home):
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        items, described, searches, read = con.execute(
            "select (select count(*) from dim_items), (select count(*) from ftr_item__text),"
            " (select count(*) from fct_searches), (select count(*) from int_searches__interpreted)"
        ).fetchall()[0]
    assert items == described > 0
    assert searches == read > 0


def test_a_pushed_title_has_the_values_that_the_build_gave_it(home, tmp_path):
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        built = con.sql(
            "select title, ftr_item__text.* from ftr_item__text join dim_items using (item_id)"
            " order by hash(item_id) limit 6"
        ).to_arrow_table()
    titles = built["title"].to_pylist()
    lines = [
        json.dumps({"item_id": f"new-{n}", "title": title, "listed_at": "2017-12-30T18:00:00"})
        for n, title in enumerate(titles)
    ]
    file = tmp_path / "items.jsonl"
    file.write_text("\n".join(lines) + "\n")
    done = counterfoil(home, "push", "ftr_item__text", str(file), "--read-texts", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["rows"], answer["online_written"]) == (6, 6)
    pushed = pq.read_table(answer["offline_file"], partitioning=None)
    names = [name for name in pushed.column_names if name.startswith("item__")]
    assert len(names) == 10
    for name in names:
        assert pushed[name].to_pylist() == built[name].to_pylist(), name
    assert {str(at) for at in pushed["event_timestamp"].to_pylist()} == {"2017-12-31 00:00:00"}


@pytest.mark.parametrize("line", ["{}", '{"item_id": 7, "title": "a", "listed_at": "2017-01-01"}'])
def test_a_line_that_is_no_item_is_refused_by_number(home, line):
    done = counterfoil(home, "push", "ftr_item__text", "-", "--read-texts", piped=f"\n{line}\n")
    assert done.returncode == 2
    assert "line 2" in done.stderr


def test_a_users_row_is_not_made_of_one_text(home):
    done = counterfoil(home, "push", "ftr_user__text", "-", "--read-texts", piped="{}\n")
    assert done.returncode == 2
    assert "a window over many texts" in done.stderr


def test_where_nothing_was_read_the_tables_are_empty_and_typed(home, tmp_path):
    unread = Settings(home=tmp_path)
    shutil.copyfile(home / "warehouse.duckdb", unread.warehouse_path)
    assert not table_path(unread, "items").exists()
    define_views(unread)
    with duckdb.connect(str(unread.warehouse_path), read_only=True) as con:
        rows = con.execute("select * from texts.queries").fetchall()
        types = [row[1] for row in con.execute("describe texts.queries").fetchall()]
    assert rows == []
    assert types == ["VARCHAR"] * 2 + ["BIGINT"] * 9
