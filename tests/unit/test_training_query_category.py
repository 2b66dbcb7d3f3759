"""A query's category: learned from few examples, calibrated, and "unknown" where none is sure."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from tiny_encoder import tiny_checkpoint

from governance.errors import InputError
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.lesson import Texts
from training.keywords.model import Asked
from training.query_category.model import UNKNOWN, Examples
from training.query_category.model_file import load_query_categories, save_query_categories
from training.query_category.query_file import read_queries
from training.query_category.sold_queries import (
    asked_of,
    examples_of,
    listed_titles,
    sold_queries,
)
from training.query_category.train import fine_tuned, folds_of, learn, read_head_knobs

SHOP_SQL = """
create table dim_items as
select * from (values
    ('a', 'Red lamp', 'Home', 'Lamps', 'Red lamp'), ('b', 'Oak desk', 'Home', 'Desks', null)
) as items(item_id, title, department, category, product_type);
create table fct_searches as
select * from (values ('q1', 'warm light'), ('q2', 'warm light'), ('q3', 'never sold'))
as searches(query_id, query);
create table fct_events as
select * from (values
    ('s1', 'a', 'q1', 'impression'), ('s1', 'a', null, 'purchase'),
    ('s1', 'b', 'q1', 'impression'), ('s1', 'b', null, 'purchase'),
    ('s2', 'a', 'q2', 'impression'), ('s2', 'a', null, 'purchase'),
    ('s3', 'b', 'q3', 'impression'), ('s4', 'b', null, 'purchase')
) as events(session_id, item_id, query_id, event_type)
"""
THINGS = {
    "Lighting": ("desk lamp", "floor lamp", "lamp shade", "ceiling lamp", "wall light", "led lamp"),
    "Furniture": ("oak table", "side table", "coffee table", "table with drawer", "oak desk"),
    "Rugs": ("wool rug", "round rug", "rug pad", "area rug", "blue rug", "shag rug"),
}
EXAMPLES = Examples(
    tuple(text for texts in THINGS.values() for text in texts),
    tuple(name for name, texts in THINGS.items() for _ in texts),
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    words = sorted({word for text in EXAMPLES.texts for word in text.split()})
    return load_encoder(str(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), words)))


@pytest.fixture(scope="module")
def model(encoder):
    return learn(EXAMPLES, encoder=encoder, names=tuple(THINGS))


def test_an_unseen_query_goes_where_its_words_are_known(model, encoder):
    queries = ["table lamp shade", "big coffee tabel", "round wool rug"]
    guesses = model.guess(queries, encoder)
    assert [one.ranked[0][0] for one in guesses] == ["Lighting", "Furniture", "Rugs"]


def test_chances_sum_to_one(model, encoder):
    found = model.probabilities(list(ODD_TEXTS.values()), encoder)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-4)


def test_a_category_known_only_by_its_name_can_be_found(encoder):
    model = learn(EXAMPLES, encoder=encoder, names=(*THINGS, "Garden hose"))
    assert model.guess(["garden hose"], encoder)[0].ranked[0][0] == "Garden hose"


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_queries_are_answered_without_a_crash(model, encoder, text):
    guess = model.guess([text], encoder)[0]
    assert text.strip() or guess.category == UNKNOWN


@pytest.mark.parametrize("steering", STEERING)
def test_a_steering_text_names_no_category_that_was_not_asked_for(model, encoder, steering):
    before, after = model.guess(["wool rug", "wool rug" + steering], encoder)
    assert after.category in (before.category, UNKNOWN)
    assert after.probability <= before.probability + 0.05


def test_queries_of_the_same_words_share_a_fold():
    folds = folds_of(["red lamp", "lamp  Red", "RED LAMP", *map(str, range(20))], 4, 0)
    assert len(set(folds[:3])) == 1


def test_the_same_seed_learns_the_same(encoder):
    first, second = (learn(EXAMPLES, encoder=encoder, names=tuple(THINGS)) for _ in range(2))
    assert first.weighing == second.weighing
    assert np.array_equal(first.vectors, second.vectors)


def test_nothing_to_learn_is_an_error(encoder):
    with pytest.raises(InputError, match="no categories"):
        learn(Examples((), ()), encoder=encoder)


def test_the_head_knobs_are_read():
    assert read_head_knobs().epochs > 0


def test_a_query_teaches_the_category_that_it_sold_most_of():
    with duckdb.connect() as warehouse:
        warehouse.sql(SHOP_SQL)
        sold, titles = sold_queries(warehouse), listed_titles(warehouse)
    examples = examples_of(sold, titles, level="category")
    pairs = set(zip(examples.texts, examples.categories, strict=True))
    assert pairs == {("warm light", "Lamps"), ("Red lamp", "Lamps"), ("Oak desk", "Desks")}
    assert asked_of(sold) == [Asked("warm light", {"a": 2, "b": 1})]


def test_a_file_of_queries_is_read_by_its_columns(tmp_path):
    path = tmp_path / "queries.tsv"
    path.write_text("query_id\tquery\tquery_class\n0\tsalon chair\tChairs\n1\tlamp\t\n")
    assert read_queries(path) == Examples(("salon chair",), ("Chairs",))


def test_a_file_without_classes_says_which_column_it_lacks(tmp_path):
    path = tmp_path / "queries.csv"
    path.write_text("query,answer\nlamp,Lighting\n")
    with pytest.raises(InputError, match="lack a column"):
        read_queries(path)
    with pytest.raises(InputError, match="no queries"):
        read_queries(tmp_path / "absent.csv")


def test_a_saved_model_answers_the_same_and_refuses_another_encoder(model, encoder, tmp_path):
    path = tmp_path / "categories.safetensors"
    save_query_categories(path, model, encoder)
    loaded = load_query_categories(path, encoder)
    assert loaded.guess(["wool rug"], encoder) == model.guess(["wool rug"], encoder)
    with pytest.raises(InputError, match="another encoder"):
        load_query_categories(path, replace(encoder, digest="other"))
    path.write_bytes(b"no tensors")
    with pytest.raises(InputError, match="can be read"):
        load_query_categories(path, encoder)


@pytest.mark.pipeline
def test_a_head_is_taught_on_the_same_examples(encoder):
    knobs = replace(read_head_knobs(), epochs=1)
    tuned = fine_tuned(EXAMPLES, encoder=encoder, knobs=knobs)
    found = tuned.model.probabilities(Texts(("wool rug", "")))
    assert found.shape == (2, len(THINGS))
    assert np.allclose(found.sum(axis=1), 1, atol=1e-4)
