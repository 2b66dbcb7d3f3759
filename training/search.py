"""Search a model's knobs with Optuna: kept in one SQLite file, and resumable at any moment.

A trial is judged by one figure on the validation side, NDCG@10 unless told, and nothing else.
What a trial draws follows from the seed and the finished trials before it, so a search that was
killed and run again draws what it would have: the trial that was running is marked failed, and its
replacement has the same knobs and goes on from its checkpoint. ``N`` counts finished trials, over
all runs together.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from governance.errors import CounterfoilError, StateError
from governance.files import digest_of
from training.search_space import Knob, Space, Trial, best_of, draw

METRIC = "ndcg_at_10"
_WORST = 0.0  # what a training is worth that diverged: it ranks nothing
_STARTUP_TRIALS = 5  # finished ones before a median means something, and before TPE draws
_FIRST_CUT_EPOCH = 2  # after one epoch a slower learning rate says little
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

Watch = Callable[[list[dict[str, float]]], None]


class TimeIsUpError(CounterfoilError):
    """The search was given an end, and it came; the checkpoint of the running trial stays."""


class _PrunedError(Exception):
    """The trial is below the median of the others at its epoch."""


@dataclass(frozen=True)
class Search:
    """What is searched, where it is kept, and how long."""

    database: Path
    space: Space
    first: Mapping[str, Knob]  # the knobs of the first trial, so that no search ends below them
    subject: str  # digest of data and knobs that stay: another's trials are not comparable
    seed: int
    trials: int
    timeout_seconds: float | None = None
    metric: str = METRIC  # of the curve's figures; higher is better

    @property
    def checkpoints_dir(self) -> Path:
        return self.database.with_suffix(".checkpoints")

    def checkpoint(self, knobs: Mapping[str, Knob]) -> Path:
        """Where a training with these knobs stands; the same knobs find it again."""
        return self.checkpoints_dir / f"{digest_of(dict(knobs))[:16]}.safetensors"


Fit = Callable[[Mapping[str, Knob], Path, Callable[..., None]], float]


def run_search(search: Search, fit: Fit, *, told: Callable[[Trial], None]) -> list[Trial]:
    """Go on until ``trials`` are finished or time is up; all finished trials, in order.

    ``fit(knobs, checkpoint, watch)`` trains and returns the best validation figure; it calls
    ``watch`` with its curve after every epoch and lets pass what that raises.
    """
    study = _open(search)
    ends_at = time.monotonic() + (search.timeout_seconds or float("inf"))
    while len(finished(study)) < search.trials and time.monotonic() < ends_at:
        try:
            _run_one(study, search, fit, ends_at)
        except TimeIsUpError:
            break
        trials = table(study)
        told(trials[-1])
        _drop_checkpoints(search, best_of(trials))
    return table(study)


def table(study: optuna.Study) -> list[Trial]:
    """Every finished trial, in order."""
    return [_row(number, t) for number, t in enumerate(finished(study), start=1)]


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that count; failed ones were killed and are run again."""
    return study.get_trials(deepcopy=False, states=_FINISHED)


def _open(search: Search) -> optuna.Study:
    """The study of the file, with the trials of a killed run marked failed."""
    search.database.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{search.database}",
        study_name="search",
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(_STARTUP_TRIALS, _FIRST_CUT_EPOCH),
        load_if_exists=True,
    )
    known = study.user_attrs.get("subject")
    if known is None:
        study.set_user_attr("subject", search.subject)
    elif known != search.subject:
        raise StateError(
            "the search of that name is of other data or other knobs",
            where=str(search.database),
            why="its trials cannot be compared with new ones",
            next_step="give another --name, or delete the file",
        )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def _run_one(study: optuna.Study, search: Search, fit: Fit, ends_at: float) -> None:
    """Draw, train, tell; a trial that outlives the time stays open for the next run."""
    _begin_with(study, search)
    study.sampler = _sampler(search, len(finished(study)))
    trial = study.ask()
    knobs = draw(trial, search.space)
    curve: list[Mapping[str, float]] = []

    def watch(found: list[Mapping[str, float]]) -> None:
        for epoch in found[len(curve) :]:
            trial.report(epoch[search.metric], int(epoch["epoch"]))
        curve[:] = found
        if trial.should_prune():
            raise _PrunedError
        if time.monotonic() >= ends_at:
            raise TimeIsUpError("the time given to the search is up")

    started = time.monotonic()
    state, value = TrialState.COMPLETE, _WORST
    try:
        value = fit(knobs, search.checkpoint(knobs), watch)
    except _PrunedError:
        state = TrialState.PRUNED
    except TimeIsUpError:
        raise
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    trial.set_user_attr("epochs", len(curve))
    trial.set_user_attr("seconds", round(time.monotonic() - started, 1))
    study.tell(trial, value if state == TrialState.COMPLETE else None, state=state)


def _sampler(search: Search, done: int) -> optuna.samplers.BaseSampler:
    """TPE with a seed of its own for each trial, which so depends on the finished ones only."""
    seed = int(np.random.SeedSequence((search.seed, done)).generate_state(1)[0])
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP_TRIALS)


def _begin_with(study: optuna.Study, search: Search) -> None:
    """Let the first trial have the knobs as they were given, where the ranges hold them."""
    if study.get_trials(deepcopy=False, states=(*_FINISHED, TrialState.WAITING)):
        return
    first = {
        k: search.first[k] for k, found in search.space.items() if found.holds(search.first[k])
    }
    study.enqueue_trial(first)


def _row(number: int, trial: FrozenTrial) -> Trial:
    reached = list(trial.intermediate_values.values())
    value = trial.value if trial.state == TrialState.COMPLETE else max(reached, default=_WORST)
    name = "diverged" if not reached else trial.state.name.lower()
    attributes: dict[str, Any] = trial.user_attrs
    return Trial(
        number=number,
        state=name,
        value=float(value if value is not None else _WORST),
        epochs=int(attributes.get("epochs", len(reached))),
        seconds=float(attributes.get("seconds", 0.0)),
        knobs=dict(trial.params),
    )


def _drop_checkpoints(search: Search, kept: Trial | None) -> None:
    """Only the best trial's stays: it is what the model is made from."""
    names = {search.checkpoint(kept.knobs).name} if kept else set()
    for path in search.checkpoints_dir.glob("*.safetensors"):
        if path.name not in names:
            path.unlink()
