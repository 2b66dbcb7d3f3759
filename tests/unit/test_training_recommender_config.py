"""The knobs of the recommender's training: read, checked, felt by the model, told by its card."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from coded_orders import coded_orders, fake_features

from flows.measured import Measured, knobs_of, page_of
from flows.steps.train import training_config
from governance.errors import InputError
from governance.settings import PROJECT_ROOT, Settings
from training.model_card import render_card
from training.recommender.config import (
    DEFAULT_FILE,
    PARTS,
    RecommenderKnobs,
    read_recommender_knobs,
)
from training.recommender.train import train_recommender
from training.sasrec.config import SasrecTraining
from training.sasrec.knobs_file import effects_by_part
from training.sasrec.model import SasrecConfig
from training.windows import Calendar, microseconds

AS_OF = datetime(2017, 6, 5, 5, tzinfo=UTC)
CALENDAR = Calendar(AS_OF, test_weeks=3, validation_weeks=3, train_windows=2, train_step_weeks=2)
SMALL = """
release: {ranker: lightgbm}
ranker: {trees: 5, min_rows_in_leaf: 2}
sampling: {training_limit: 40, limit: 40, negatives: 10, impressions: 5}
covisitation: {min_baskets: 1}
"""
KNOBS = [(part, knob) for part, kind in PARTS.items() for knob in vars(kind())]


def _shop():
    draw, rows = np.random.default_rng(3), []
    for user in range(20):
        for week in range(20):
            at = microseconds(AS_OF - timedelta(weeks=20 - week, hours=-user - 1))
            for item in {user % 5, *draw.integers(0, 15, size=3).tolist()}:
                rows.append((f"u{user:02}", f"o{user:02}{week:02}", f"i{item:02}", at))
    shown = [(user, item, order, at - 3_600_000_000, True) for user, order, item, at in rows]
    return coded_orders(rows, shown + [(u, "i14", o, at, False) for u, _, o, at, _ in shown])


@pytest.fixture(scope="module")
def shop():
    return _shop()


def _settings(path, text):
    path.write_text(text, encoding="utf-8")
    return Settings(home=path.parent, recommender_knobs=path, seed=1, threads=1)


def _train(shop, settings):
    small = replace(
        training_config(settings),
        sasrec=SasrecConfig(width=4, heads=1, length=8),
        sasrec_training=SasrecTraining(epochs=1, negatives=4, min_baskets=1),
    )
    return train_recommender(
        shop, calendar=CALENDAR, config=small, historical_features=fake_features,
        inputs={}, progress=lambda _: None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(shop, tmp_path_factory):
    """A training with small knobs, and the files it was given."""
    settings = _settings(tmp_path_factory.mktemp("home") / "small.yaml", SMALL)
    return settings, _train(shop, settings)


def test_the_knobs_file_says_the_defaults():
    assert read_recommender_knobs() == RecommenderKnobs()
    assert Settings().recommender_knobs_path == DEFAULT_FILE
    assert list(vars(RecommenderKnobs())) == list(PARTS)


def test_the_knobs_file_names_every_knob_with_its_effect():
    lines = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()
    part, explained = "", []
    for line in lines:
        part = begun[1] if (begun := re.match(r"(\w+):", line)) else part
        if knob := re.match(r"  (\w+): .+ # \S+", line):
            explained.append((part, knob[1]))
    assert explained == KNOBS == list(effects_by_part(DEFAULT_FILE))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("release: {ranker: forest}", "lightgbm or deep or blended or best or rule_based"),
        ("release: {rankers: best}", "release.rankers is unknown"),
        ("trees: 5", "known are release, ranker"),
        ("release: {calibrate: 1}", "True"),
        ("ranker: {tree: 5}", "ranker.tree is unknown"),
        ("ranker: {trees: 5.5}", "ranker.trees is 5.5"),
        ("ranker: {trees: 0}", "ranker.trees is 0"),
        ("ranker: {leaves: 1}", "at least 2"),
        ("ranker: {learning_rate: .nan}", "ranker.learning_rate is nan"),
        ("ranker: {rows_per_tree: 1.2}", "above 0 and at most 1"),
        ("ranker: {l2: -1}", "at least 0"),
        ("ranker: {l2: .inf}", "ranker.l2 is inf"),
        ("sampling: {limit: many}", "sampling.limit"),
        ("sampling: {impressions: 0}", "sampling.impressions is 0"),
        ("covisitation: {neighbors: 3}", "covisitation.neighbors is unknown"),
        ("neighbours: {weekly_decay: 1.5}", "neighbours.weekly_decay is 1.5"),
        ("popular: {weekly_decay: 0}", "above 0 and at most 1"),
        ("repeats: 50", "repeats is 50"),
    ],
)
def test_a_wrong_knob_is_refused_with_file_and_key(tmp_path, text, says):
    settings = _settings(tmp_path / "knobs.yaml", text)
    with pytest.raises(InputError) as refused:
        training_config(settings)
    assert says in f"{refused.value.what} {refused.value.why}"
    assert refused.value.where == str(tmp_path / "knobs.yaml")


def test_knobs_at_the_ends_of_what_is_allowed_are_read(tmp_path):
    text = "ranker: {l2: 0, leaves: 2, rows_per_tree: 1}\ncovisitation: {to_power: 0}"
    config = training_config(_settings(tmp_path / "knobs.yaml", text))
    assert (config.ranker.l2, config.ranker.leaves, config.ranker.rows_per_tree) == (0, 2, 1)
    assert config.covisitation.to_power == 0


@pytest.mark.parametrize(("part", "knob"), KNOBS, ids=".".join)
def test_every_knob_of_another_file_reaches_the_training(tmp_path, part, knob):
    usual = getattr(PARTS[part](), knob)
    other = {"ranker": "deep", "calibrate": False}.get(knob)
    if other is None:
        other = usual + 1 if isinstance(usual, int) else usual / 2
    text = f"{part}: {{{knob}: {str(other).lower()}}}"
    config = training_config(_settings(tmp_path / "knobs.yaml", text))
    assert getattr(config, part) == replace(PARTS[part](), **{knob: other})
    assert all(getattr(config, name) == kind() for name, kind in PARTS.items() if name != part)


def test_a_changed_knob_of_the_ranker_changes_the_trained_forest(shop, trained, tmp_path):
    changed = SMALL.replace("trees: 5", "trees: 5, leaves: 3, learning_rate: 0.2")
    again = _train(shop, _settings(tmp_path / "same.yaml", SMALL))
    other = _train(shop, _settings(tmp_path / "other.yaml", changed))
    forest, same, found = (f.ranker.ranker.booster for f in (trained[1], again, other))
    assert same.model_to_string() == forest.model_to_string()
    assert other.training_set.digest == trained[1].training_set.digest
    assert max(tree["num_leaves"] for tree in found.dump_model()["tree_info"]) == 3
    assert max(tree["num_leaves"] for tree in forest.dump_model()["tree_info"]) > 3


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("neighbours: {neighbours: 2}", lambda memory: memory.neighbours.nearest),
        ("neighbours: {weekly_decay: 0.5}", lambda memory: memory.neighbours.share),
        ("neighbours: {popularity_power: 2.0}", lambda memory: memory.neighbours.similarity),
        ("popular: {weekly_decay: 0.5}", lambda memory: memory.stock.popularity),
        ("repeats: {shrinkage: 1.0}", lambda memory: memory.repeats.of_item),
        ("covisitation: {neighbours: 2, min_baskets: 1}", lambda memory: memory.covisitation.item),
    ],
)
def test_a_changed_knob_of_a_retriever_changes_what_is_remembered(
    shop, trained, tmp_path, text, of
):
    fitted, knobs = trained[1], training_config(_settings(tmp_path / "knobs.yaml", text))
    own = {name: getattr(knobs, name) for name in ("neighbours", "popular", "repeats")}
    config = replace(fitted.config, **own)
    if text.startswith("covisitation"):
        config = replace(config, covisitation=knobs.covisitation)
    before, after = (
        of(one.at(shop, CALENDAR.as_of).memory) for one in (fitted, replace(fitted, config=config))
    )
    assert not np.array_equal(before, after)


def test_the_model_card_names_every_knob_in_force_with_its_effect(shop, trained):
    settings, fitted = trained
    figures = {
        "recommender": {"ndcg_at_10": 0.2}, "floors": {"popularity": {"ndcg_at_10": 0.1}},
        "households": 20,
    }  # fmt: skip
    done = Measured(shop, fitted, figures)
    knobs = knobs_of(settings, done)
    assert {f"{part}.{knob}" for part, knob in KNOBS} < knobs.keys()
    assert (knobs["ranker.trees"], knobs["ranker.leaves"], knobs["sasrec.width"]) == (5, 15, 4)
    assert not any(name.startswith("deep_ranker.") for name in knobs)
    deep = replace(fitted.ranker, reached={"lightgbm": 0.2, "deep": 0.1})
    both = replace(done, fitted=replace(fitted, ranker=deep))
    assert knobs_of(settings, both)["deep_ranker.seed"] == 1
    card = page_of(settings, both)
    assert card.knobs.keys() <= card.effects.keys()
    assert "<code>popular.weekly_decay</code>" in render_card(card)


def test_a_relative_file_of_knobs_lies_under_the_project():
    found = Settings(recommender_knobs="mine/knobs.yaml").recommender_knobs_path
    assert found == PROJECT_ROOT / "mine/knobs.yaml"
