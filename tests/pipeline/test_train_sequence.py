"""``counterfoil train sequence`` on a folder: killed at any moment, it ends the same."""

import json
import random
import subprocess
import time
from dataclasses import fields

import pytest
import sasrec_runs
import yaml
from sample_shop import command, counterfoil, environment

from governance.settings import PROJECT_ROOT
from training.sasrec.config import SasrecTraining
from training.sasrec.shelf import open_sequence

pytestmark = pytest.mark.pipeline
RANGES = """
search:
  learning_rate: {low: 1e-3, high: 1e-1, log: true}
  dropout: [0.0, 0.2, 0.4]
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """What is typed after ``counterfoil``: a folder to learn from, and knobs with ranges."""
    folder = tmp_path_factory.mktemp("walks")
    sasrec_runs.write_walks(folder, users=600, epochs=6, dropout=0.2)
    knobs = (folder / "knobs.yaml").rename(folder.parent / "walks.yaml")
    knobs.write_text(knobs.read_text() + RANGES)
    return ["train", "sequence", "--data", str(folder), "--config", str(knobs), "--json"]


def _ran(home, asked):
    done = counterfoil(home, *asked, OMP_NUM_THREADS="1", COUNTERFOIL_THREADS="1")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _killed(home, asked, *, sign, moments):
    """Start, wait for ``sign`` of life, kill a random moment later."""
    running = environment(home, OMP_NUM_THREADS="1", COUNTERFOIL_THREADS="1")
    process = subprocess.Popen(
        command(*asked), cwd=PROJECT_ROOT, env=running,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not list(home.glob(sign)) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(moments.uniform(0, 1.0))
    process.kill()
    assert process.wait() == -9, "it ended before it could be killed"


@pytest.fixture(scope="module")
def whole(asked, tmp_path_factory):
    return _ran(tmp_path_factory.mktemp("whole"), asked)


def test_the_model_beats_its_floor_and_its_files_are_those_it_names(whole, tmp_path):
    assert whole["metrics"]["ndcg_at_10"]["low"] > whole["floors"]["popularity"]["ndcg_at_10"]
    scorer, items = open_sequence(PROJECT_ROOT / whole["folder"])
    assert scorer.item_count == len(items) == sasrec_runs.ITEMS


def test_a_killed_training_ends_in_the_same_version(asked, whole, tmp_path):
    _killed(tmp_path, asked, sign="searches/*.safetensors", moments=random.Random(2))
    resumed = _ran(tmp_path, asked)
    assert resumed | {"folder": ""} == whole | {"folder": ""}
    assert not list(tmp_path.glob("searches/*.safetensors"))


def test_a_killed_search_ends_with_the_same_trials_and_the_same_version(asked, tmp_path):
    searched = [*asked, "--search", "4"]
    alone = _ran(tmp_path / "whole", searched)
    moments = random.Random(4)
    _killed(tmp_path / "cut", searched, sign="searches/*/*.safetensors", moments=moments)
    _killed(tmp_path / "cut", searched, sign="searches/*/*.safetensors", moments=moments)
    resumed = _ran(tmp_path / "cut", searched)
    assert resumed["version"] == alone["version"]
    assert [_timeless(trial) for trial in resumed["trials"]] == [
        _timeless(trial) for trial in alone["trials"]
    ]
    assert resumed["validation"]["ndcg_at_10"] == max(t["value"] for t in alone["trials"])
    _the_knobs_found_give_the_same_model(asked, alone, tmp_path / "again")


def _the_knobs_found_give_the_same_model(asked, alone, home):
    found = PROJECT_ROOT / alone["folder"] / "knobs.yaml"
    written = yaml.safe_load(found.read_text())
    assert written["training"].keys() == {knob.name for knob in fields(SasrecTraining)}
    again = _ran(home, [*asked[:4], "--config", str(found), "--json"])
    assert again["metrics"] == alone["metrics"]
    assert again["validation"] == alone["validation"]


def _timeless(trial):
    return {name: value for name, value in trial.items() if name != "seconds"}


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--data", "tests/docs"], "0 files of the format"),
        (["--timeout", "3"], "--timeout is of a search"),
        (["--data", "{walks}", "--search", "2", "--name", "../x"], "cannot be the name"),
        (["--data", "{walks}", "--search", "2", "--config", "{rangeless}"], "nothing to search"),
        (["--data", "{walks}", "--config", "none.yaml"], "no such file of knobs"),
        ([], "counterfoil import"),
    ],
)
def test_what_cannot_be_done_is_refused(asked, tmp_path, typed, says):
    (tmp_path / "rangeless.yaml").write_text("training: {epochs: 1}")
    known = {"walks": asked[3], "rangeless": str(tmp_path / "rangeless.yaml")}
    done = counterfoil(tmp_path, "train", "sequence", *(word.format(**known) for word in typed))
    assert done.returncode == 2
    assert says in done.stderr
