"""Learn intents of queries: ``counterfoil train intent``.

Without ``--data`` the examples that ship are learned (``taught_queries.tsv``, written for this and
apart from the gold set that judges); any file with ``query`` and ``label`` columns will do. The
bundle also carries what ``train_acts.py`` learned of acts, so that serving needs nothing else.
"""

import csv
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit

from governance.errors import InputError
from training.encoder.model import Encoder
from training.encoder.readable import readable
from training.fine_tuning.config import FineTuning, read_settings
from training.fine_tuning.lesson import Lesson, Texts
from training.fine_tuning.task import Task
from training.fine_tuning.taught import (
    Progress,
    TaughtText,
    Teachable,
    Watch,
    judge_taught,
    teach_together,
)
from training.intent.lexicon import INTENTS
from training.intent.model import HEAD
from training.intent.scripts import scripts_of

SHIPPED = Path(__file__).parent / "taught_queries.tsv"
ACTS_FILE = Path(__file__).parent / "acts.json"
KNOBS_FILE = Path(__file__).parent / "intent.yaml"
Rows = NDArray[np.int64]

_VALIDATION = 0.15  # share of the examples that choose the epoch


def teach(
    data: Path | None,
    *,
    encoder: Encoder,
    knobs: FineTuning,
    checkpoint: Path | None = None,
    progress: Progress = lambda _: None,
    watch: Watch = lambda _: None,
) -> TaughtText:
    """Fine-tune ``encoder`` on labelled queries; a share of each label validates."""
    lesson = teachable(data, knobs=knobs, progress=progress)
    return teach_together(
        [lesson], encoder, knobs, checkpoint=checkpoint, progress=progress, watch=watch
    )[0]


def teachable(data: Path | None, *, knobs: FineTuning, progress: Progress) -> Teachable[TaughtText]:
    """The labelled queries; a share of each label validates."""
    lesson = read_queries(data or SHIPPED)
    progress(f"intent: {len(lesson):,} queries")
    learned, kept = split_rows(lesson, seed=knobs.seed, where=str(data or SHIPPED))
    validation = lesson.take(kept)
    task = Task(HEAD, lesson.take(learned), validation)
    return Teachable(task, partial(judge_taught, validation=validation))


def split_rows(lesson: Lesson, *, seed: int, where: str = "the queries") -> tuple[Rows, Rows]:
    """Rows that teach and rows that validate, equal queries on one side.

    InputError where the queries are too few for every label to be on both sides; ``where``: their
    file, for that error.
    """
    alike: dict[str, list[int]] = {}
    for row, query in enumerate(lesson.texts.first):
        alike.setdefault(readable(query).casefold(), []).append(row)
    groups, labels = list(alike.values()), np.asarray(lesson.labels)
    of_group = labels[[rows[0] for rows in groups]]
    _refuse_too_few(of_group, where)
    split = StratifiedShuffleSplit(1, test_size=_VALIDATION, random_state=seed)
    sides = next(split.split(np.zeros(len(groups)), of_group))
    learned, kept = (np.array([row for at in side for row in groups[at]]) for side in sides)
    return learned, kept


def _refuse_too_few(labels: Rows, where: str) -> None:
    """``labels``: of each different query."""
    counts = np.bincount(labels, minlength=len(INTENTS))
    why = "of each label some queries teach and some validate"
    if lonely := [name for name, count in zip(INTENTS, counts, strict=True) if count == 1]:
        raise InputError(
            f"there is one query of {lonely[0]}",
            where=where,
            why=why,
            next_step="add a different query of that label, or leave the label out",
        )
    named = np.count_nonzero(counts)
    if np.ceil(_VALIDATION * len(labels)) < named:
        raise InputError(
            f"{len(labels)} different queries are too few for {named} labels",
            where=where,
            why=f"{why}; {_VALIDATION:.0%} of them validate",
            next_step=f"give at least {int((named - 1) / _VALIDATION) + 1} different queries",
        )


def card_facts(data: Path | None = None) -> dict[str, Any]:
    """What the bundle's card says beside the engine's facts: acts as learned, scripts taught."""
    return {
        "acts": json.loads(ACTS_FILE.read_text(encoding="utf-8")),
        "scripts": list(scripts_of(read_queries(data or SHIPPED).texts.first)),
    }


def default_knobs() -> FineTuning:
    """The knobs of ``intent.yaml``."""
    return read_settings(KNOBS_FILE).training


def read_queries(path: Path) -> Lesson:
    """Labelled queries of a TSV or CSV with columns ``query`` and ``label``."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel begins its files with a mark
    except FileNotFoundError:
        raise InputError("there is no such file of queries", where=str(path)) from None
    is_tsv = "\t" in text.partition("\n")[0]
    way: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if is_tsv else {}
    rows = list(csv.DictReader(io.StringIO(text, newline=""), **way))
    if not rows or not {"query", "label"} <= rows[0].keys():
        raise InputError(
            "the file has no labelled queries",
            where=str(path),
            why="its first line must name the columns query and label",
        )
    labels = [_label(path, number, row["label"]) for number, row in enumerate(rows, start=2)]
    return Lesson(Texts(tuple(row["query"] or "" for row in rows)), np.array(labels))


def _label(path: Path, line: int, label: str | None) -> int:
    if label not in INTENTS:
        raise InputError(
            f"the label {label!r} is unknown",
            where=f"{path}, line {line}",
            why=f"known are {', '.join(INTENTS)}",
        )
    return INTENTS.index(label)
