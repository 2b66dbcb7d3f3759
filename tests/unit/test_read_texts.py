"""The stage that reads texts: what it leaves for dbt with and without models, and what it says."""

import shutil

import duckdb
import pytest
from small_reviews import small_sentiment
from tiny_encoder import tiny_checkpoint

from flows import ledger
from flows.stage_list import stage_named
from flows.stages import fingerprint
from flows.steps import read_texts
from flows.text_tables import TABLES, define_views, table_path
from governance.settings import Settings
from training.sentiment.model_file import save_sentiment

ITEMS = "select * from (values ('1', 'oat milk', null, 'b', 'c'), ('2', null, null, null, null))"
QUIET = lambda text: None  # noqa: E731


@pytest.fixture
def settings(tmp_path):
    checkpoint = tiny_checkpoint(tmp_path / "tiny", ["milk", "oat", "tea"])
    home = Settings(home=tmp_path / "home", encoder=str(checkpoint), threads=1)
    home.home_dir.mkdir()
    with duckdb.connect(str(home.warehouse_path)) as con:
        columns = "item_id, title, description, brand, category_path"
        con.execute(f"create schema raw; create view raw.items as {ITEMS} t({columns})").fetchall()
        con.execute("create view raw.searches as select 'oat or tea' as query").fetchall()
        con.execute(
            "create view raw.reviews as select * from (values ('r1', 'Well', 'love this dress'),"
            " ('r2', null, 'too tight and itchy'), ('r3', '', null)) t(review_id, title, body)"
        ).fetchall()
    return home


def rows(settings, table):
    define_views(settings)
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        return con.execute(f"select * from texts.{table} order by all").fetchall()


def test_without_models_the_tables_hold_what_needs_none_and_the_summary_says_so(settings):
    done = read_texts.run(settings, QUIET)
    for said in ("2 items and 1 queries", "intents by rules", "listings unjudged: ", "3 reviews"):
        assert said in done.summary
    assert "counterfoil train sentiment" in done.summary
    assert [(row[0], row[-1]) for row in rows(settings, "items")] == [("1", None), ("2", None)]
    assert [row[:2] for row in rows(settings, "queries")] == [("oat or tea", "compare")]
    assert rows(settings, "reviews") == []


def test_reviews_are_a_table_while_there_is_a_model(settings):
    bundle = save_sentiment(settings.bundles_dir, small_sentiment(), None, facts={})
    done = read_texts.run(settings, QUIET)
    assert f"3 reviews by sentiment {bundle.version}" in done.summary
    assert done.facts["sentiment"] == bundle.version
    assert table_path(settings, "reviews") in done.outputs
    liked, disliked, empty = rows(settings, "reviews")
    assert liked[1] > 500 > disliked[1]
    assert empty == ("r3", *[None] * (len(TABLES["reviews"]) - 1))
    shutil.rmtree(bundle.folder)
    assert table_path(settings, "reviews") not in read_texts.run(settings, QUIET).outputs
    assert rows(settings, "reviews") == []


@pytest.mark.parametrize(
    "path",
    ["bundles/intent/v1/text_bundle.json", "bundles/sentiment/v1/sentiment_bundle.json",
     "listings/complete_journey.json"],
)  # fmt: skip
def test_another_model_makes_what_was_read_stale(settings, path):
    stage = stage_named("read_texts")
    for name in stage.after:
        state = ledger.StageState(name, "mark", "done", 1.0, {})
        ledger.write_state(settings.stages_dir, state)
    marks = [fingerprint(stage, settings, source_digest="")]
    for text in ("one", "other"):
        (settings.home_dir / path).parent.mkdir(parents=True, exist_ok=True)
        (settings.home_dir / path).write_text(text)
        marks.append(fingerprint(stage, settings, source_digest=""))
    assert len(set(marks)) == 3
    assert marks[-1] == fingerprint(stage, settings, source_digest="")
