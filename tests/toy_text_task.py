"""A few lines of a text task, as a task offers them; its file has ``label TAB text``."""

import numpy as np

from training.fine_tuning.lesson import Head, Lesson, Texts
from training.fine_tuning.taught import judge_taught
from training.fine_tuning.train import fine_tune

HEAD = Head("toy", "classes", ("buy", "learn"))


def teach(data, *, encoder, knobs, checkpoint, progress, watch):
    rows = [line.split("\t") for line in data.read_text(encoding="utf-8").splitlines()]
    labels = np.array([HEAD.labels.index(label) for label, _ in rows])
    lesson = Lesson(Texts(tuple(text for _, text in rows)), labels)
    validation = lesson.take(np.arange(0, len(rows), 4))
    tuned = fine_tune(
        encoder, HEAD, lesson, validation, knobs,
        checkpoint=checkpoint, progress=progress, watch=watch,
    )  # fmt: skip
    return judge_taught(tuned, validation)
