"""One task of a fine-tuning, and the digest of all that decides what comes of it.

A checkpoint is taken up again only by a training with the same digest.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from governance.files import digest_of
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson

_FREE = ("patience", "accumulate")  # may change between a run and its resumption


@dataclass(frozen=True)
class Task:
    """What one head learns, and what judges it (None: the last epoch is kept)."""

    head: Head
    taught: Lesson
    validation: Lesson | None


def subject_of(encoder: Encoder, tasks: Sequence[Task], knobs: FineTuning) -> str:
    """A digest of all that decides the result: encoder, texts, labels and knobs."""
    kept = {name: value for name, value in asdict(knobs).items() if name not in _FREE}
    lessons = [part for task in tasks for part in (task.taught, task.validation) if part]
    return digest_of(
        {
            "encoder": encoder.digest,
            "heads": [asdict(task.head) for task in tasks],
            "lessons": [_digest(lesson) for lesson in lessons],
            "knobs": kept,
        }
    )


def _digest(lesson: Lesson) -> str:
    taught = hashlib.sha256()
    for text in (*lesson.texts.first, *lesson.texts.second):
        taught.update(text.encode("utf-8", "surrogatepass") + b"\0")
    for numbers in (lesson.labels, lesson.weights):
        taught.update(b"" if numbers is None else np.ascontiguousarray(numbers).tobytes())
    taught.update(repr(lesson.spans).encode())
    return taught.hexdigest()
