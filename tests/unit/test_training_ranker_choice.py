"""The ranker that is released is the setting's, or the best one; the card has every figure."""

import re
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deep_lists import LIST, made_set

from training.blended_ranker import BlendedRanker, blended, spread_of
from training.deep_ranker.config import DEFAULT_FILE as DEEP_FILE
from training.deep_ranker.config import DeepRankerSettings, DeepRankerTraining, read_settings
from training.deep_ranker.model import DeepRanker
from training.deep_ranker.network import DeepRankerConfig
from training.ranker.model import Ranker
from training.ranker.train import RankerConfig
from training.ranker_choice import ReleaseSettings, best_of, choose_ranker
from training.ranker_files import read_ranker, write_ranker

CONFIG = RankerConfig(trees=10, min_rows_in_leaf=5)


@pytest.fixture(scope="module")
def made():
    return made_set(lists=60)


def _choose(made, ranker, deep=DeepRankerSettings(), **more):  # noqa: B008
    return choose_ranker(
        made,
        release=ReleaseSettings(ranker=ranker, **more),
        config=CONFIG,
        deep=deep,
        seed=1,
        threads=1,
        progress=lambda _: None,
    )


@pytest.mark.parametrize(("name", "kind"), [("lightgbm", Ranker), ("deep", DeepRanker)])
def test_the_one_that_is_asked_for_is_the_only_one_trained(made, name, kind):
    chosen = _choose(made, name)
    assert isinstance(chosen.ranker, kind)
    assert tuple(chosen.reached) == (name,)
    assert chosen.card["name"] == name


def test_the_best_is_kept_and_every_figure_is_in_the_card(made):
    chosen = _choose(made, "best")
    figures = chosen.card["validation_ndcg_at_10"]
    assert set(figures) == {"lightgbm", "deep", "blended"}
    assert figures == {
        name: _choose(made, name).reached[name] for name in figures
    }  # trained beside the others or alone


@pytest.mark.parametrize(
    ("forest_gains", "name"), [(0.0, "blended"), (0.004, "blended"), (0.02, "lightgbm")]
)
def test_one_ranker_alone_is_kept_where_it_is_better_by_more_than_a_standard_error(
    forest_gains, name
):
    """Differences have a deviation of .1 here: over 400 lists the error is .005."""
    of_lists = np.full(400, 0.2)
    difference = np.tile([0.1, -0.1], 200)
    by_list = {
        "lightgbm": of_lists + difference + forest_gains,
        "deep": of_lists - 0.1,
        "blended": of_lists,
    }
    assert best_of(by_list) == name


def test_a_blend_adds_scores_in_units_of_their_spread_within_lists():
    sizes = np.array([2, 0, 3])
    one = np.array([1.0, 3.0, 10.0, 10.0, 13.0])  # within lists: -1, 1, -1, -1, 2
    assert spread_of(one, sizes) == pytest.approx(np.sqrt(8 / 5))
    assert spread_of(100 * one, sizes) == pytest.approx(100 * spread_of(one, sizes))
    assert spread_of(np.ones(5), sizes) == spread_of(np.empty(0), np.empty(0, np.int64)) == 1.0
    assert blended([one, 100 * one], (2.0, 200.0)).tolist() == one.tolist()


def test_a_blend_that_was_saved_scores_as_it_did(made, tmp_path):
    chosen = _choose(made, "blended")
    assert chosen.name == "blended"  # asked for, whichever is best
    assert isinstance(chosen.ranker, BlendedRanker)
    write_ranker(tmp_path, chosen.ranker, None)
    columns = [vars(column) for column in made.service]
    card = {"retrieval_columns": list(made.retrieval), "feature_columns": columns}
    rows = np.random.default_rng(0).normal(size=(LIST, 4)).astype(np.float32)
    asked = rows, np.array([2.0]), np.empty((LIST, 0))
    assert np.array_equal(read_ranker(tmp_path, card).scores(*asked), chosen.ranker.scores(*asked))
    alone = [part.scores(*asked) / s for part, s in zip(*vars(chosen.ranker).values(), strict=True)]
    assert np.allclose(chosen.ranker.scores(*asked), sum(alone))


def test_a_ranker_learns_again_with_recent_lists_as_validation_chose(made):
    """What validation said of it, and its number of epochs, stay."""
    recent = made_set(lists=30, seed=7).table
    rows = recent.filter(pc.equal(recent["window"], "train"))
    named = rows.set_column(
        rows.schema.get_field_index("window"), "window", pa.array(["recent"] * len(rows))
    )
    more = replace(made, table=pa.concat_tables([made.table, named]))
    asked = np.ones((LIST, 4), np.float32), np.array([2.0]), np.empty((LIST, 0))
    for name in ("lightgbm", "deep"):
        before, after = _choose(made, name), _choose(more, name)
        assert before.reached == after.reached
        assert not np.array_equal(before.ranker.scores(*asked), after.ranker.scores(*asked))


def test_all_rankers_score_the_same_columns(made):
    rows = np.zeros((LIST, 4), np.float32)
    user, nobody = np.array([2.0]), np.empty((LIST, 0))
    for name in ("lightgbm", "deep", "blended"):
        ranker = _choose(made, name).ranker
        assert (ranker.retrieval, ranker.service) == (made.retrieval, made.service)
        assert ranker.scores(rows, user, nobody).shape == (LIST,)


def test_a_confidence_can_be_left_out(made):
    assert _choose(made, "lightgbm").calibration is not None
    assert _choose(made, "lightgbm", calibrate=False).calibration is None


def test_the_deep_rankers_file_names_every_knob_with_its_effect():
    lines = DEEP_FILE.read_text(encoding="utf-8").splitlines()
    explained = {m[1] for line in lines if (m := re.match(r"  (\w+): .+ # \S+", line))}
    kinds = (DeepRankerConfig, DeepRankerTraining)
    assert explained == {knob.name for kind in kinds for knob in fields(kind)}
    assert explained


def test_the_deep_rankers_file_says_the_defaults():
    assert read_settings() == DeepRankerSettings()


def test_a_changed_knob_changes_the_deep_ranker(made):
    changed = DeepRankerSettings(training=DeepRankerTraining(learning_rate=0.02))
    before, after = (_choose(made, "deep", deep=deep) for deep in (DeepRankerSettings(), changed))
    assert before.reached != after.reached
