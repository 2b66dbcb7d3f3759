"""Learn intents of queries: ``counterfoil train intent``.

Without ``--data`` the examples that ship are learned (``taught_queries.tsv``, written for this and
apart from the gold set that judges); any file with ``query`` and ``label`` columns will do. The
bundle also carries what ``train_acts.py`` learned of acts, so that serving needs nothing else.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from governance.errors import InputError
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning, read_settings
from training.fine_tuning.lesson import Lesson, Texts
from training.fine_tuning.taught import Progress, TaughtText, Watch, judge_taught
from training.fine_tuning.train import fine_tune
from training.intent.lexicon import INTENTS
from training.intent.model import HEAD

SHIPPED = Path(__file__).parent / "taught_queries.tsv"
ACTS_FILE = Path(__file__).parent / "acts.json"
KNOBS_FILE = Path(__file__).parent / "intent.yaml"
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
    lesson = read_queries(data or SHIPPED)
    split = StratifiedShuffleSplit(1, test_size=_VALIDATION, random_state=knobs.seed)
    learned, kept = next(split.split(np.zeros(len(lesson)), lesson.labels))
    validation = lesson.take(kept)
    tuned = fine_tune(
        encoder, HEAD, lesson.take(learned), validation, knobs,
        checkpoint=checkpoint, progress=progress, watch=watch,
    )  # fmt: skip
    return judge_taught(tuned, validation)


def card_facts() -> dict[str, Any]:
    """What the bundle's card says beside the engine's facts: the acts as they were learned."""
    return {"acts": json.loads(ACTS_FILE.read_text(encoding="utf-8"))}


def default_knobs() -> FineTuning:
    """The knobs of ``intent.yaml``."""
    return read_settings(KNOBS_FILE).training


def read_queries(path: Path) -> Lesson:
    """Labelled queries of a TSV or CSV with columns ``query`` and ``label``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("there is no such file of queries", where=str(path)) from None
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
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
