"""``counterfoil train sequence``: SASRec on the home's shop or on a folder, with or without search.

A run that is killed goes on where it was: a training from its last epoch, a search from its last
trial. Where they stand is kept under ``searches/`` in the home folder.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flows.ledger import exclusive
from flows.shop_orders import shop_data
from governance.errors import InputError, StateError
from governance.files import digest_of
from governance.settings import Settings
from training.best_epoch import DivergedError
from training.sasrec.config import SasrecSettings, read_settings
from training.sasrec.learn import Curve, Watch
from training.sasrec.sequence_task import FolderTask, Judged, SequenceTask, ShopTask, Trained
from training.sasrec.shelf import MODEL_NAME, Shelved, save_sequence
from training.search_space import Knob, Trial, best_of
from training.sequence_folder import read_users
from training.tracking import open_tracker
from training.windows import default_calendar


@dataclass(frozen=True)
class Wish:
    """What the command was asked for."""

    data: Path | None = None  # a folder of sequences; None: the home's shop
    config: Path | None = None  # None: the knobs that ship
    trials: int = 0  # 0: one training, no search
    name: str = ""  # of the run; empty: from a digest of data and knobs
    timeout_seconds: float | None = None  # of the search


class Screen(Protocol):
    """Who is told how far it is."""

    def say(self, text: str) -> None: ...

    def begin(self, epochs: int) -> None: ...

    def epoch(self, curve: Curve) -> None: ...

    def trial(self, trial: Trial, of: int) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    shelved: Shelved
    trained: Trained
    judged: Judged
    trials: list[Trial]


def train_sequence(settings: Settings, wish: Wish, screen: Screen) -> Outcome:
    """Search if asked to, train (or take the best trial's network), judge it once, save it."""
    import torch

    torch.set_num_threads(settings.threads)
    run = _run(settings, wish, screen)
    with exclusive(settings.searches_dir / f"{run.name}.checkpoints"):
        if wish.trials:
            return run.search(wish)
        checkpoint = settings.searches_dir / f"{run.name}.safetensors"
        outcome = run.finish(run.teach(run.knobs, checkpoint, run.name), run.knobs)
        checkpoint.unlink(missing_ok=True)
        return outcome


def _run(settings: Settings, wish: Wish, screen: Screen) -> "_Run":
    task: SequenceTask
    if wish.data is not None:
        task = FolderTask(read_users(wish.data))
    else:
        data = shop_data(settings)
        task = ShopTask(data, default_calendar(data.lines))
    _refuse_odd_name(wish.name)
    knobs = read_settings(wish.config or task.knobs_file)
    if wish.trials and not knobs.search:
        raise InputError(
            "there is nothing to search",
            where=str(wish.config),
            why="the file has no ranges",
            next_step=f"add a part search:, as {task.knobs_file} has it",
        )
    if "seed" in settings.model_fields_set:
        knobs = knobs.changed({"seed": settings.seed})
    ranges = {name: found.written for name, found in knobs.search.items()}
    subject = digest_of({"data": task.digest, "knobs": knobs.knobs(), "ranges": ranges})
    name = wish.name or f"{MODEL_NAME}-{subject[:8]}"
    return _Run(settings, task, knobs, screen, name, subject)


def _refuse_odd_name(name: str) -> None:
    if name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise InputError(
            f"{name!r} cannot be the name of a search",
            where="counterfoil train sequence --name",
            why="it becomes the name of a file",
            next_step="use letters, digits, - and _",
        )


@dataclass(frozen=True)
class _Run:
    """One run of the command: what it learns, with which knobs, under which name."""

    settings: Settings
    task: SequenceTask
    knobs: SasrecSettings
    screen: Screen
    name: str
    subject: str

    def teach(
        self,
        knobs: SasrecSettings,
        checkpoint: Path,
        followed_as: str,
        watch: Watch | None = None,
    ) -> Trained:
        """One training, followed by the screen, the tracker and whoever watches."""
        tracker = open_tracker(self.settings.tracking, self.settings.tracking_dir, followed_as)

        def see(curve: Curve) -> None:
            self.screen.epoch(curve)
            tracker.epochs(curve)
            if watch is not None:
                watch(curve)

        self.screen.begin(knobs.training.epochs)
        trained = self.task.fit(knobs, progress=self.screen.say, checkpoint=checkpoint, watch=see)
        tracker.end(knobs.knobs(), trained.metrics)
        return trained

    def search(self, wish: Wish) -> Outcome:
        """Trials up to the wanted number, then the network of the best one."""
        from training.search import Search, run_search

        search = Search(
            database=self.settings.searches_dir / f"{self.name}.db",
            space=self.knobs.search,
            first=self.knobs.knobs(),
            subject=self.subject,
            seed=self.knobs.training.seed,
            trials=wish.trials,
            timeout_seconds=wish.timeout_seconds,
        )

        def fit(drawn: Mapping[str, Knob], checkpoint: Path, watch: Watch) -> float:
            followed_as = f"{self.name}/{checkpoint.stem}"
            try:
                trained = self.teach(self.knobs.changed(drawn), checkpoint, followed_as, watch)
            except DivergedError:
                return 0.0  # what such a network ranks is worth nothing
            return trained.metrics["ndcg_at_10"]

        trials = run_search(search, fit, told=lambda trial: self.screen.trial(trial, wish.trials))
        winner = best_of(trials)
        if winner is None:
            raise StateError(
                "no trial ended in the time that was given",
                where=str(search.database),
                why=f"{len(trials)} of {wish.trials} trials are finished, none of them complete",
                next_step="run the same command again: it goes on from where it was",
            )
        chosen = self.knobs.changed(winner.knobs)  # its finished training is in the checkpoint
        checkpoint = search.checkpoint(winner.knobs)
        trained = self.task.fit(chosen, progress=self.screen.say, checkpoint=checkpoint)
        return self.finish(trained, chosen, trials)

    def finish(
        self, trained: Trained, knobs: SasrecSettings, trials: list[Trial] | None = None
    ) -> Outcome:
        """Look at the test window, once, and save."""
        judged = self.task.judge(trained)
        shelved = save_sequence(
            self.settings.bundles_dir / MODEL_NAME,
            trained,
            task=self.task,
            settings=knobs,
            judged=judged,
            trials=trials or (),
        )
        return Outcome(shelved, trained, judged, trials or [])
