"""Another file of knobs makes the training run again, and the bundle tells what was in force."""

import json
import shutil
from pathlib import Path

import pytest
from sample_shop import counterfoil

pytestmark = pytest.mark.pipeline
CHANGED = "ranker: {trees: 20}\nwindows: {train_windows: 1}\n"


@pytest.fixture(scope="module")
def home(shop_home, tmp_path_factory):
    copy = tmp_path_factory.mktemp("knobs") / "home"
    return shutil.copytree(shop_home, copy, ignore=shutil.ignore_patterns("prefect"))


def _train(home, knobs):
    path = home / "knobs.yaml"
    path.write_text(knobs, encoding="utf-8")
    return counterfoil(home, "train", "--json", COUNTERFOIL_RECOMMENDER_KNOBS=str(path))


def test_an_unknown_knob_ends_the_training_with_file_and_key(home):
    refused = _train(home, "ranker: {tree: 20}")
    assert refused.returncode != 0
    assert "ranker.tree is unknown" in refused.stderr
    assert str(home / "knobs.yaml") in refused.stderr


def test_changed_knobs_train_again_once_and_stand_in_the_bundle(home):
    first, second = (_train(home, CHANGED) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert [json.loads(run.stdout)[0]["is_unchanged"] for run in (first, second)] == [False, True]
    cards = [
        json.loads(path.read_text()) for path in home.glob("bundles/recommender/*/bundle.json")
    ]
    (card,) = [card for card in cards if card["knobs"]["ranker.trees"] == 20]
    (other,) = [card for card in cards if card["knobs"]["ranker.trees"] == 500]
    assert len(card["cutoffs"]["train"]) == card["knobs"]["windows.train_windows"] == 1
    assert len(other["cutoffs"]["train"]) == 3
    assert card["knobs"].keys() == other["knobs"].keys()
    forest = next(Path(home).glob(f"bundles/recommender/{card['version']}/*.txt")).read_text()
    assert 0 < forest.count("\nTree=") <= 20
