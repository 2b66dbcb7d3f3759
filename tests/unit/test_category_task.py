"""``counterfoil train category``: nearness, unless a method of fine-tuning is named."""

import duckdb
import pytest
import torch
from tiny_encoder import tiny_checkpoint

from flows.text_training import TextWish, train_text
from governance.errors import InputError
from governance.settings import Settings
from training.encoder.checkpoint import load_encoder
from training.query_category.model_file import open_categories
from training.query_category.query_file import read_queries
from training.text_bundle import open_text_bundle
from training.text_tasks import TEXT_TASKS

THINGS = {
    "Lighting": ("desk lamp", "floor lamp", "lamp shade", "ceiling lamp", "wall light", "led lamp"),
    "Furniture": ("oak table", "side table", "coffee table", "table with drawer", "oak desk"),
    "Rugs": ("wool rug", "round rug", "rug pad", "area rug", "blue rug", "shag rug"),
}
KNOBS = "training: {epochs: 1, batch: 8}\n"


class _Screen:
    def say(self, text): ...

    def begin(self, epochs): ...

    def epoch(self, curve): ...

    def trial(self, trial, of): ...


@pytest.fixture
def settings(tmp_path):
    torch.set_num_threads(1)
    words = sorted({word for texts in THINGS.values() for text in texts for word in text.split()})
    encoder = tiny_checkpoint(tmp_path / "tiny", words)
    return Settings(home=tmp_path / "home", encoder=str(encoder), threads=1)


@pytest.fixture
def data(tmp_path):
    rows = [f"{text}\t{name}" for name, texts in THINGS.items() for text in texts]
    path = tmp_path / "queries.tsv"
    path.write_text("query\tquery_class\n" + "\n".join(rows))
    return path


def test_without_a_method_nearness_is_learned_judged_and_saved(settings, data):
    bundle = train_text(settings, TextWish("category", data=data), _Screen()).bundle
    assert bundle.folder.parent == settings.bundles_dir / "query_category"
    assert bundle.card["knobs"] == {"method": "near", "seed": 0}
    assert 0 <= bundle.card["metrics"]["accuracy"] <= 1
    assert bundle.card["validation_examples"] > 0
    assert (bundle.folder / "card.html").is_file()
    encoder = load_encoder(settings.encoder)
    model = open_categories(bundle.folder).model(encoder)
    assert model.guess(["lamp for a desk"], encoder)[0].ranked[0][0] == "Lighting"
    again = train_text(settings, TextWish("category", data=data), _Screen()).bundle
    assert again.version == bundle.version


def test_a_named_method_or_a_file_of_knobs_fine_tunes_a_head(settings, data, tmp_path):
    knobs = tmp_path / "knobs.yaml"
    knobs.write_text(KNOBS)
    wish = TextWish("category", data=data, config=knobs, method="frozen")
    bundle = train_text(settings, wish, _Screen()).bundle
    assert bundle.card["knobs"]["method"] == "frozen"
    assert open_text_bundle(bundle.folder).head.labels == tuple(sorted(THINGS))
    by_file = train_text(settings, TextWish("category", data=data, config=knobs), _Screen())
    assert by_file.bundle.card["knobs"]["method"] == "full"


def test_nearness_has_nothing_to_search_and_is_no_way_of_another_task(settings, data):
    with pytest.raises(InputError, match="no knobs to search"):
        train_text(settings, TextWish("category", data=data, method="near", trials=2), _Screen())
    with pytest.raises(InputError, match="the method 'near' is unknown"):
        train_text(settings, TextWish("intent", method="near"), _Screen())


def test_every_way_of_a_task_is_one_that_its_module_can_teach():
    from training.text_tasks import teach_of

    ways = [(name, way) for name, task in TEXT_TASKS.items() for way in task.ways]
    assert ways
    assert all(callable(teach_of(name, way)) for name, way in ways)


def test_a_warehouse_teaches_its_titles_and_what_its_queries_sold(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as warehouse:
        warehouse.execute("create table other as select 1 as n").fetchall()
    with pytest.raises(InputError, match="no searches and items to learn from"):
        read_queries(path)
    with duckdb.connect(str(path)) as warehouse:
        for sql in (
            "create table dim_items as select 'a' as item_id, 'Red lamp' as title, "
            "'Home' as department, 'Lamps' as category, null::varchar as product_type",
            "create table fct_searches as select 'q' as query_id, 'warm light' as query",
            "create table fct_events as select * from (values ('s', 'a', 'q', 'impression'), "
            "('s', 'a', null, 'purchase')) as t(session_id, item_id, query_id, event_type)",
        ):
            warehouse.execute(sql).fetchall()
    examples = read_queries(path)
    pairs = set(zip(examples.texts, examples.categories, strict=True))
    assert pairs == {("Red lamp", "Lamps"), ("warm light", "Lamps")}
