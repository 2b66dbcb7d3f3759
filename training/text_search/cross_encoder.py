"""A cross-encoder: reads query and product together, and says how likely they belong together.

    tuned = teach_cross(load_encoder(), cross_lesson(index, judged), knobs)

Learned by the engine of all text tasks; ``SearchIndex.cross`` reads the best of an index again.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from governance.errors import InputError
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson, Texts
from training.fine_tuning.train import Tuned, fine_tune
from training.text_search.index import SearchIndex, best_first
from training.text_search.judged import Judged
from training.text_search.words import distinct

HEAD = Head("relevance", "classes", ("no", "yes"))
_NEGATIVES = 8  # products of an open query that look right and were not asked for
_GOOD = 0.5  # of the best gain of a query from which on a product belongs to it


def cross_lesson(index: SearchIndex, judged: Sequence[Judged]) -> Lesson:
    """Pairs of query and product text; each query weighs alike, however many are judged."""
    queries: list[str] = []
    texts: list[str] = []
    labels: list[int] = []
    weights: list[float] = []
    for one in judged:
        worth = _examples(index, one)
        best = max(worth.values(), default=0.0)
        for text, gain in worth.items():
            queries.append(one.query)
            texts.append(text)
            labels.append(int(best > 0 and gain >= _GOOD * best))
            weights.append(1 / len(worth))
    if not queries:
        raise InputError("no judged product is in the catalogue", where="the judged queries")
    return Lesson(
        Texts(tuple(queries), tuple(texts)),
        np.array(labels, dtype=np.int64),
        weights=np.array(weights, dtype=np.float32),
    )


def teach_cross(
    encoder: Encoder,
    taught: Lesson,
    knobs: FineTuning,
    *,
    validation: Lesson | None = None,
    progress: Callable[[str], None] = lambda _: None,
    checkpoint: Path | None = None,
) -> Tuned:
    """The engine's loop; without a validation lesson the last epoch stays."""
    return fine_tune(
        encoder, HEAD, taught, validation, knobs, progress=progress, checkpoint=checkpoint
    )


def _examples(index: SearchIndex, judged: Judged) -> dict[str, float]:
    """Gains by text: all that were judged, and of an open query what else the index shows first.

    Products of one text are one example, with the best of their gains.
    """
    rows, form = index.catalogue.row_of, index.knobs.dense_form
    worth: dict[str, float] = {}
    for item_id, gain in judged.gains.items():
        if item_id in rows:
            text = index.catalogue.products[rows[item_id]].text(form)
            worth[text] = max(gain, worth.get(text, 0.0))
    if judged.is_closed:
        return worth
    pool = index.candidates(judged.query, depth=index.knobs.depth)
    order = best_first(pool, index.fused(judged.query, pool))
    shown = distinct(index.catalogue.products[row].text(form) for row in pool.item[order].tolist())
    others = [text for text in shown if text not in worth]
    return worth | dict.fromkeys(others[:_NEGATIVES], 0.0)
