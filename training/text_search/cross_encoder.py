"""A cross-encoder: reads query and product together, and says how likely they belong together.

    tuned = teach_cross(load_encoder(), cross_lesson(index, judged), knobs)

Learned by the engine of all text tasks; ``SearchIndex.cross`` reads the best of an index again.
"""

from collections.abc import Callable, Sequence

import numpy as np

from governance.errors import InputError
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson, Texts
from training.fine_tuning.train import Tuned, fine_tune
from training.text_search.index import SearchIndex
from training.text_search.judged import Judged

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
        for row, gain in worth.items():
            queries.append(one.query)
            texts.append(index.catalogue.products[row].text(index.knobs.dense_form))
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
) -> Tuned:
    """The engine's loop; without a validation lesson the last epoch stays."""
    return fine_tune(encoder, HEAD, taught, validation, knobs, progress=progress)


def _examples(index: SearchIndex, judged: Judged) -> dict[int, float]:
    """Gains by row: all that were judged, and of an open query what else the index would show."""
    rows = index.catalogue.row_of
    worth = {rows[item_id]: gain for item_id, gain in judged.gains.items() if item_id in rows}
    if judged.is_closed:
        return worth
    pool = index.candidates(judged.query, depth=_NEGATIVES)
    others = [row for row in pool.item.tolist() if row not in worth]
    return worth | dict.fromkeys(others[:_NEGATIVES], 0.0)
