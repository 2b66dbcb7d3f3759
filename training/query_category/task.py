"""Query categories as ``counterfoil train category`` learns and saves them: by nearness, or a head.

The edge where examples are read and a bundle is written; ``train.py`` fits. Nearness is the way
unless a method of fine-tuning is named: it needs seconds, and where classes have few queries it was
the better one (docs/MEASURED.md). Both are judged on the same eighth of like queries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.judge import macro_f1
from training.fine_tuning.task import Task
from training.fine_tuning.taught import (
    Progress,
    TaughtText,
    Teachable,
    Watch,
    judge_taught,
    teach_together,
)
from training.query_category.model import Examples, QueryCategories
from training.query_category.model_file import save_categories
from training.query_category.query_file import packaged_titles, read_queries
from training.query_category.train import KNOBS_FILE, head_lessons, learn, validation_rows
from training.sealed_folder import Sealed
from training.text_bundle import save_text_bundle

__all__ = ["KNOBS_FILE", "save", "teach", "teach_near", "teachable"]


@dataclass(frozen=True)
class TaughtCategories:
    """Nearness to every example, and what that to the others reached on those held out."""

    model: QueryCategories
    encoder: Encoder
    metrics: dict[str, float]
    examples: int

    @property
    def curve(self) -> list[dict[str, float]]:
        """There are no epochs."""
        return []


def teach(
    data: Path | None,
    *,
    encoder: Encoder,
    knobs: FineTuning,
    checkpoint: Path | None,
    progress: Progress,
    watch: Watch,
) -> TaughtText:
    """The fine-tuned head of the examples."""
    lesson = teachable(data, knobs=knobs, progress=progress)
    return teach_together(
        [lesson], encoder, knobs, checkpoint=checkpoint, progress=progress, watch=watch
    )[0]


def teachable(data: Path | None, *, knobs: FineTuning, progress: Progress) -> Teachable[TaughtText]:
    """The head of the examples; an eighth of like queries validates."""
    examples = _examples(data)
    head, taught, validation = head_lessons(examples, seed=knobs.seed)
    progress(f"category: {len(examples):,} examples of {len(head.labels):,} categories")
    return Teachable(Task(head, taught, validation), partial(judge_taught, validation=validation))


def teach_near(
    data: Path | None,
    *,
    encoder: Encoder,
    knobs: FineTuning,
    checkpoint: Path | None,  # noqa: ARG001  # seconds of work need none
    progress: Progress,
    watch: Watch,  # noqa: ARG001  # there are no epochs
) -> TaughtCategories:
    """Nearness in words and meaning; of the knobs only the seed counts."""
    examples = _examples(data)
    names = sorted(set(examples.categories))
    progress(f"category: {len(examples):,} examples of {len(names):,} categories")
    is_held_out = validation_rows(examples, seed=knobs.seed)
    judged = examples.take(np.flatnonzero(is_held_out))
    others = examples.take(np.flatnonzero(~is_held_out))
    metrics = _figures(
        learn(others, encoder=encoder, names=names, seed=knobs.seed), judged, encoder
    )
    model = learn(examples, encoder=encoder, names=names, seed=knobs.seed)
    return TaughtCategories(model, encoder, metrics, len(judged))


def save(
    bundles_dir: Path,
    taught: TaughtCategories | TaughtText,
    *,
    facts: Mapping[str, object],
    pages: Mapping[str, str],
) -> Sealed:
    """``bundles/query_category/<version>``, whichever way it was learned."""
    if isinstance(taught, TaughtText):
        return save_text_bundle(bundles_dir, taught, facts=facts, pages=pages)
    return save_categories(bundles_dir, taught.model, taught.encoder, facts=facts, pages=pages)


def _examples(data: Path | None) -> Examples:
    """Of a file of queries or a warehouse; without one, of the default shop's titles."""
    return read_queries(data) if data else packaged_titles()


def _figures(model: QueryCategories, judged: Examples, encoder: Encoder) -> dict[str, float]:
    """As of a head, and the share of queries that are answered at all and right among these."""
    if not len(judged):
        return {"macro_f1": 0.0, "accuracy": 0.0, "answered": 0.0, "accuracy_of_answered": 0.0}
    guesses = model.guess(judged.texts, encoder, most=1)
    right = np.searchsorted(model.categories, judged.categories).astype(np.int64)
    found = np.array([model.categories.index(one.ranked[0][0]) for one in guesses], dtype=np.int64)
    is_right, is_answered = found == right, np.array([bool(one.category) for one in guesses])
    return {
        "macro_f1": macro_f1(right, found),
        "accuracy": float(is_right.mean()),
        "answered": float(is_answered.mean()),
        "accuracy_of_answered": float(is_right[is_answered].mean()) if is_answered.any() else 0.0,
    }
