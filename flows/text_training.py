"""``counterfoil train <text task>``: search if asked to, teach, save as a bundle each.

A run that is killed goes on where it was: a training from its last epoch, a search from its last
trial. Where they stand is kept under ``searches/`` in the home folder.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import get_args

from flows.ledger import exclusive
from flows.sequence import Screen
from flows.text_lessons import (
    TextLesson,
    digest_of_data,
    refuse_vain_sharing,
    subject_of,
    teach_lessons,
)
from flows.text_page import page_of_text
from governance.errors import InputError, StateError
from governance.settings import Settings
from training.best_epoch import DivergedError
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuningSettings, Method
from training.fine_tuning.taught import Watch
from training.model_card import card_files
from training.sealed_folder import Sealed
from training.search_space import Knob, Trial, best_of
from training.text_tasks import (
    TEXT_TASKS,
    Taught,
    card_facts_of,
    knobs_file_of,
    save_of,
    settings_of,
)
from training.tracking import open_tracker

METRIC = "macro_f1"  # what a search raises


@dataclass(frozen=True)
class TextWish:
    """What the command was asked for."""

    task: str
    data: Path | None = None  # None: what the task ships or finds itself
    config: Path | None = None  # None: the knobs that ship
    method: str = ""  # empty: that of the knobs, or the task's own way without fine-tuning
    trials: int = 0  # 0: one training, no search
    others: Mapping[str, Path | None] = field(default_factory=dict)  # tasks with their data


@dataclass(frozen=True)
class TextOutcome:
    """What came of it."""

    bundle: Sealed
    trials: list[Trial]
    others: list[Sealed] = field(default_factory=list)  # of the tasks that shared the encoder


def train_text(settings: Settings, wish: TextWish, screen: Screen) -> TextOutcome:
    """Search if asked to, teach (or take the best trial's model), save each task's model."""
    import torch

    torch.set_num_threads(settings.threads)
    run = _run(settings, wish, screen)
    with exclusive(settings.searches_dir / f"{run.name}.checkpoints"):
        if wish.trials:
            return run.search()
        checkpoint = settings.searches_dir / f"{run.name}.safetensors"
        taught = run.teach(run.knobs, checkpoint)
        outcome = run.save(taught, run.knobs, [])
        for path in settings.searches_dir.glob(f"{run.name}*.safetensors"):  # one a network
            path.unlink()
        return outcome


def _run(settings: Settings, wish: TextWish, screen: Screen) -> "_Run":
    knobs, way = settings_of(wish.task, wish.config), _way(wish)
    if wish.others:
        refuse_vain_sharing(wish.task, list(wish.others), way=way, trials=wish.trials)
    if wish.method and not way:
        knobs = knobs.changed({"method": _checked_method(wish)})
    knobs = _seeded(settings, knobs)
    if wish.trials:
        _refuse_vain_search(wish, knobs, way)
    lessons = [TextLesson(wish.task, wish.data, knobs.beside, way, digest_of_data(wish.data))]
    for task, data in wish.others.items():
        beside = _seeded(settings, settings_of(task, None)).beside
        lessons.append(TextLesson(task, data, beside, digest=digest_of_data(data)))
    encoder = load_encoder(settings.encoder)
    subject = subject_of(encoder, lessons, knobs)
    name = f"{'-'.join(one.task for one in lessons)}-{way or subject[:8]}"
    return _Run(settings, wish, screen, lessons, encoder, knobs, name, subject)


def _seeded(settings: Settings, knobs: FineTuningSettings) -> FineTuningSettings:
    return knobs.seeded(settings.seed) if "seed" in settings.model_fields_set else knobs


def _way(wish: TextWish) -> str:
    """The way without fine-tuning, empty where fine-tuning is wished or there is no other."""
    ways = TEXT_TASKS[wish.task].ways
    if wish.method in ways:
        return wish.method
    says_how = bool(wish.method or wish.config or wish.trials or wish.others)
    return ways[0] if ways and not says_how else ""


def _refuse_vain_search(wish: TextWish, knobs: FineTuningSettings, way: str) -> None:
    if way:
        raise InputError(
            f"the way {way} has no knobs to search",
            where=f"counterfoil train {wish.task} --search",
            why="it chooses what it weighs on folds of the examples itself",
            next_step=f"leave --search out, or name a method: {', '.join(get_args(Method))}",
        )
    if not TEXT_TASKS[wish.task].is_searched:
        raise InputError(
            f"the knobs of {wish.task} cannot be searched",
            where=f"counterfoil train {wish.task} --search",
            why="its networks learn to their end and are judged together, so no trial has a curve",
            next_step="leave --search out, and change knobs in a file for --config",
        )
    if not knobs.space():
        raise InputError(
            "there is nothing to search",
            where=str(wish.config or knobs_file_of(wish.task)),
            why="the file has no ranges",
            next_step="add a part search:, as training/fine_tuning/fine_tuning.yaml has it",
        )


def _checked_method(wish: TextWish) -> str:
    if wish.method not in get_args(Method):
        raise InputError(
            f"the method {wish.method!r} is unknown",
            where=f"counterfoil train {wish.task} --method",
            why=f"the methods are {', '.join((*get_args(Method), *TEXT_TASKS[wish.task].ways))}",
            next_step="name one of them, or leave --method out",
        )
    return wish.method


@dataclass(frozen=True)
class _Run:
    """One run of the command: what it learns, with which knobs, under which name."""

    settings: Settings
    wish: TextWish
    screen: Screen
    lessons: list[TextLesson]  # the command's task first
    encoder: Encoder
    knobs: FineTuningSettings
    name: str
    subject: str

    def teach(
        self, knobs: FineTuningSettings, checkpoint: Path, watch: Watch | None = None
    ) -> list[Taught]:
        """One training, followed by the screen, the tracker and whoever watches."""
        followed_as = f"{self.name}/{checkpoint.stem}" if watch else self.name
        tracker = open_tracker(self.settings.tracking, self.settings.tracking_dir, followed_as)

        def see(curve: list[dict[str, float]]) -> None:
            self.screen.epoch(curve)
            tracker.epochs(curve)
            if watch is not None:
                watch(curve)

        self.screen.begin(0 if self.lessons[0].way else knobs.training.epochs * knobs.trainings)
        taught = teach_lessons(
            self.lessons, encoder=self.encoder, knobs=knobs.training,
            checkpoint=checkpoint, progress=self.screen.say, watch=see,
        )  # fmt: skip
        figures = dict(taught[0].metrics)
        for lesson, one in zip(self.lessons[1:], taught[1:], strict=True):
            figures |= {f"{lesson.task}_{name}": value for name, value in one.metrics.items()}
        tracker.end(self.lessons[0].told(knobs), figures)
        return taught

    def search(self) -> TextOutcome:
        """Trials up to the wanted number, then the model of the best one."""
        from training.search import Search, run_search

        search = Search(
            database=self.settings.searches_dir / f"{self.name}.db",
            space=self.knobs.space(),
            first=self.knobs.knobs(),
            subject=self.subject,
            seed=self.knobs.training.seed,
            trials=self.wish.trials,
            metric=METRIC,
        )

        def fit(drawn: Mapping[str, Knob], checkpoint: Path, watch: Watch) -> float:
            try:
                return self.teach(self.knobs.changed(drawn), checkpoint, watch)[0].metrics[METRIC]
            except DivergedError:
                return 0.0  # what such a model answers is worth nothing

        wanted = self.wish.trials
        trials = run_search(search, fit, told=lambda trial: self.screen.trial(trial, wanted))
        winner = best_of(trials)
        if winner is None:
            raise StateError(
                "no trial was complete",
                where=str(search.database),
                next_step="run the same command with more trials: it goes on from where it was",
            )
        chosen = self.knobs.changed(winner.knobs)  # its finished training is in the checkpoint
        return self.save(self.teach(chosen, search.checkpoint(winner.knobs)), chosen, trials)

    def save(
        self, taught: list[Taught], knobs: FineTuningSettings, trials: list[Trial]
    ) -> TextOutcome:
        """Each as a bundle of its task's kind, with its card as a page."""
        pairs = zip(self.lessons, taught, strict=True)
        first, *others = [self._save_one(lesson, one, knobs, trials) for lesson, one in pairs]
        return TextOutcome(first, trials, others)

    def _save_one(
        self, lesson: TextLesson, taught: Taught, knobs: FineTuningSettings, trials: list[Trial]
    ) -> Sealed:
        task = lesson.task
        facts = {
            **card_facts_of(task, lesson.data),
            "task": task,
            "knobs": lesson.told(knobs),
            "seed": knobs.training.seed,
            "encoder": {"name": self.encoder.name, "digest": self.encoder.digest},
            "data": lesson.digest,
            "trials": [{**asdict(trial), "seconds": None} for trial in trials],
            "metrics": taught.metrics,
            "curve": taught.curve,
            "validation_examples": taught.examples,
        }
        if len(self.lessons) > 1:
            others = {one.task: one.digest for one in self.lessons if one is not lesson}
            facts["learned_together_with"] = others  # the digest of each other task's data
        page = page_of_text(task, taught, knobs, facts=facts, trials=trials)
        return save_of(task)(self.settings.bundles_dir, taught, facts=facts, pages=card_files(page))
