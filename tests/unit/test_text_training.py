"""``counterfoil train <text task>``: any task, killed at any moment, ends the same."""

import pytest
import torch
from tiny_encoder import tiny_checkpoint

from flows.text_training import TextWish, train_text
from governance.errors import InputError
from governance.settings import Settings
from training.text_bundle import open_text_bundle
from training.text_tasks import TEXT_TASKS, TextTask

WORDS = ("apple", "juice", "red", "shoe", "##s", "how", "to", "clean", "buy")
KNOBS = """
training: {epochs: 3, patience: 9, batch: 8, head_learning_rate: 1e-2}
search:
  head_learning_rate: {low: 1e-3, high: 1e-1, log: true}
  lora_learning_rate: {low: 1e-3, high: 1e-2}
"""


class _Screen:
    def __init__(self, killed_after=99):
        self.epochs, self.trials, self.killed_after = 0, 0, killed_after

    def say(self, text): ...

    def begin(self, epochs): ...

    def epoch(self, curve):
        self.epochs = len(curve)
        if self.epochs == self.killed_after:
            raise KeyboardInterrupt

    def trial(self, trial, of):
        self.trials = trial.number


@pytest.fixture
def wish(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(TEXT_TASKS, "toy", TextTask("a toy", "toy_text_task"))
    texts = "buy\tbuy red shoes\nlearn\thow to clean shoes\nbuy\tbuy juice\nlearn\thow to juice\n"
    (tmp_path / "data.tsv").write_text(texts * 6)
    (tmp_path / "knobs.yaml").write_text(KNOBS)
    return TextWish("toy", data=tmp_path / "data.tsv", config=tmp_path / "knobs.yaml")


@pytest.fixture
def settings(tmp_path):
    encoder = tiny_checkpoint(tmp_path / "tiny", WORDS)
    return lambda home: Settings(home=tmp_path / home, encoder=str(encoder), threads=1)


def _with(wish, **changes):
    return TextWish(**{**vars(wish), **changes})


def test_a_task_is_taught_and_saved_with_knobs_data_and_encoder(wish, settings):
    outcome = train_text(settings("home"), _with(wish, method="lora"), _Screen())
    card = open_text_bundle(outcome.bundle.folder).card
    assert card["knobs"]["method"] == "lora"
    assert card["encoder"]["digest"]
    assert card["int8"]["examples"] == card["validation_examples"] == 6
    assert outcome.bundle.folder.parent.name == "toy"


def test_a_killed_training_ends_in_the_same_version(wish, settings):
    whole = train_text(settings("whole"), wish, _Screen())
    with pytest.raises(KeyboardInterrupt):
        train_text(settings("killed"), wish, _Screen(killed_after=2))
    resumed = train_text(settings("killed"), wish, _Screen())
    assert resumed.bundle.version == whole.bundle.version


def test_a_search_counts_trials_over_runs_and_keeps_the_best_model(wish, settings):
    screen = _Screen()
    train_text(settings("home"), _with(wish, trials=1), screen)
    outcome = train_text(settings("home"), _with(wish, trials=3), screen)
    assert screen.trials == 3
    assert [set(trial.knobs) for trial in outcome.trials] == [{"head_learning_rate"}] * 3
    best = max(trial.value for trial in outcome.trials if trial.state == "complete")
    assert outcome.bundle.card["metrics"]["macro_f1"] == pytest.approx(best)


def test_wrong_wishes_are_refused_by_what_is_wrong(wish, settings, tmp_path):
    (tmp_path / "bare.yaml").write_text("training: {epochs: 1}\n")
    for changes, what in (
        ({"method": "fulll"}, "method"),
        ({"data": tmp_path / "nowhere"}, "no such data"),
        ({"config": tmp_path / "bare.yaml", "trials": 2}, "nothing to search"),
    ):
        with pytest.raises(InputError, match=what):
            train_text(settings("home"), _with(wish, **changes), _Screen())
