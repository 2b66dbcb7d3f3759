"""The ranker that is released is the setting's, or the strictly better one; the card has both."""

import re
from dataclasses import fields

import numpy as np
import pytest
from deep_lists import LIST, made_set

from training.deep_ranker.config import DEFAULT_FILE as DEEP_FILE
from training.deep_ranker.config import DeepRankerSettings, DeepRankerTraining, read_settings
from training.deep_ranker.model import DeepRanker
from training.deep_ranker.network import DeepRankerConfig
from training.ranker.model import Ranker
from training.ranker.train import RankerConfig
from training.ranker_choice import ReleaseSettings, better_of, choose_ranker

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


def test_the_best_of_both_is_kept_and_both_figures_are_in_the_card(made):
    chosen = _choose(made, "best")
    figures = chosen.card["validation_ndcg_at_10"]
    assert set(figures) == {"lightgbm", "deep"}
    assert figures[chosen.name] == max(figures.values())
    assert figures == {
        name: _choose(made, name).reached[name] for name in ("lightgbm", "deep")
    }  # trained beside the other or alone


def test_an_equal_deep_ranker_does_not_take_the_place_of_the_forest():
    assert better_of({"deep": 0.2, "lightgbm": 0.2}) == "lightgbm"
    assert better_of({"lightgbm": 0.2, "deep": 0.2000001}) == "deep"
    assert better_of({"deep": 0.1}) == "deep"


def test_both_rankers_score_the_same_columns(made):
    rows = np.zeros((LIST, 4), np.float32)
    user, nobody = np.array([2.0]), np.empty((LIST, 0))
    for name in ("lightgbm", "deep"):
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
