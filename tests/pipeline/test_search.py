"""A search draws inside its ranges, counts finished trials, and goes on where it was cut off."""

import time
from dataclasses import replace

import pytest

from governance.errors import StateError
from training.search import Search, run_search
from training.search_space import Between, OneOf, best_of

pytestmark = pytest.mark.pipeline
SPACE = {"x": Between(0.0, 1.0), "k": OneOf((1, 2, 3)), "n": Between(1, 100, is_log=True)}
FIRST = {"x": 0.5, "k": 2, "n": 10, "other": True}


class _PulledPlug(BaseException):
    """Stands for a kill in the middle of a trial."""


class Hill:
    """A training whose best knobs are x = .3 and k = 3; it dies at a given epoch of its life."""

    def __init__(self, dies_at=0):
        self.lived, self.dies_at, self.seen = 0, dies_at, []

    def __call__(self, knobs, checkpoint, watch):
        self.seen.append((dict(knobs), checkpoint))
        curve = []
        for epoch in range(1, 7):
            self.lived += 1
            if self.lived == self.dies_at:
                raise _PulledPlug
            height = (1 - (knobs["x"] - 0.3) ** 2) * knobs["k"] / 3 * epoch / 6
            curve.append({"epoch": float(epoch), "ndcg_at_10": height})
            watch(curve)
        return curve[-1]["ndcg_at_10"]


def _search(folder, trials=10, **more):
    return Search(folder / "s.db", SPACE, FIRST, subject="data", seed=8, trials=trials, **more)


def _run(folder, hill, **more):
    told = []
    try:
        trials = run_search(_search(folder, **more), hill, told=told.append)
    except _PulledPlug:
        return None, told
    return [replace(trial, seconds=0.0) for trial in trials], told


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return _run(tmp_path_factory.mktemp("whole"), Hill())[0]


def test_every_trial_is_drawn_from_the_ranges_and_the_first_has_the_given_knobs(whole):
    assert len(whole) == 10
    assert whole[0].knobs == {"x": 0.5, "k": 2, "n": 10}
    for trial in whole:
        assert list(trial.knobs) == list(SPACE)
        assert all(SPACE[name].holds(value) for name, value in trial.knobs.items())
        assert isinstance(trial.knobs["n"], int)


def test_the_search_gets_near_the_top_and_cuts_bad_trials(whole):
    assert best_of(whole).value > 0.9
    pruned = [trial for trial in whole if trial.state == "pruned"]
    assert pruned
    assert all(trial.epochs < 6 for trial in pruned)
    assert best_of(whole).epochs == 6


@pytest.mark.parametrize("dies_at", [1, 17, 40])
def test_a_search_that_was_cut_off_finds_the_same_trials(tmp_path, whole, dies_at):
    cut = Hill(dies_at)
    assert _run(tmp_path, cut)[0] is None
    rest = Hill()
    assert _run(tmp_path, rest)[0] == whole
    assert rest.seen[0] == cut.seen[-1], "the trial that was cut off is run again"


def test_the_number_of_trials_counts_all_runs(tmp_path, whole):
    assert _run(tmp_path, Hill(), trials=4)[0] == whole[:4]
    trials, told = _run(tmp_path, Hill(), trials=6)
    assert trials == whole[:6]
    assert [trial.number for trial in told] == [5, 6]
    again, told = _run(tmp_path, Hill(), trials=6)
    assert (again, told) == (trials, [])


def test_a_trial_that_outlives_the_time_is_finished_by_the_next_run(tmp_path, whole):
    hill = Hill()

    def slow(knobs, checkpoint, watch):
        time.sleep(0.3)
        return hill(knobs, checkpoint, watch)

    late = run_search(_search(tmp_path, timeout_seconds=0.2), slow, told=lambda _: None)
    assert (late, hill.lived) == ([], 1), "it stops after the epoch in which the time is up"
    assert _run(tmp_path, Hill())[0] == whole


def test_trials_of_other_data_are_not_mixed_in(tmp_path):
    _run(tmp_path, Hill(), trials=1)
    other = replace(_search(tmp_path), subject="other data")
    with pytest.raises(StateError, match="other data or other knobs"):
        run_search(other, Hill(), told=lambda _: None)


def test_only_the_best_trial_keeps_its_checkpoint(tmp_path):
    hill = Hill()

    def training(knobs, checkpoint, watch):
        checkpoint.parent.mkdir(exist_ok=True)
        checkpoint.write_text("weights")
        return hill(knobs, checkpoint, watch)

    trials = run_search(_search(tmp_path), training, told=lambda _: None)
    search = _search(tmp_path)
    kept = [path.name for path in search.checkpoints_dir.iterdir()]
    assert kept == [search.checkpoint(best_of(trials).knobs).name]


def test_a_training_that_ranks_nothing_is_worth_nothing(tmp_path):
    trials, _ = _run(tmp_path, lambda knobs, checkpoint, watch: 0.0, trials=1)
    assert (trials[0].value, trials[0].state) == (0.0, "diverged")
