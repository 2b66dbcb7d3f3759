"""A head with what teaches it and what chooses its epoch. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from governance.errors import InputError
from governance.files import digest_of
from training.encoder.model import Encoder
from training.fine_tuning.augmentation import refuse_moved_spans
from training.fine_tuning.batches import prepared
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson

_FREE = ("patience", "accumulate")  # may change between a run and its resumption


@dataclass(frozen=True)
class Task:
    """A head, what teaches it, and what chooses the epoch."""

    head: Head
    taught: Lesson
    validation: Lesson | None = None


def ready(task: Task, knobs: FineTuning) -> Task:
    """The task with readable texts; refused where it cannot be learned."""
    if not len(task.taught):
        raise InputError(f"there is nothing to learn {task.head.name} from", where="the lesson")
    refuse_moved_spans(task.head, knobs)
    if knobs.is_class_weighted and task.head.kind == "tokens":
        raise InputError(
            f"{task.head.name} marks tokens and takes no class weights",
            where="is_class_weighted",
            why="nearly all tokens are outside of every span, and marks would weigh far too much",
            next_step="write is_class_weighted: false",
        )
    judged = None if task.validation is None else prepared(task.validation)
    return Task(task.head, prepared(task.taught), judged)


def subject_of(encoder: Encoder, tasks: Sequence[Task], knobs: FineTuning) -> str:
    """A digest of all that decides the result: encoder, lessons, knobs."""
    return digest_of(
        {
            "encoder": encoder.digest,
            "tasks": [[asdict(task.head), _digest(task.taught)] for task in tasks],
            "validation": [task.validation and _digest(task.validation) for task in tasks],
            "knobs": {name: value for name, value in asdict(knobs).items() if name not in _FREE},
        }
    )


def _digest(lesson: Lesson) -> str:
    labels = None if lesson.labels is None else lesson.labels.tolist()
    weights = None if lesson.weights is None else lesson.weights.tolist()
    spans = [[asdict(span) for span in spans] for spans in lesson.spans]
    return digest_of([lesson.texts.first, lesson.texts.second, labels, spans, weights])
