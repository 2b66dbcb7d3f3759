"""What the deep ranker learns from: prepared rows in lists, with the labels that each row has.

Dimensions: n rows, T tasks, G lists. A candidate at a cutoff is known to be bought or not; nobody
showed it, so it has no click and no cart to learn from. An impression has all three, as far as the
shop logs them. A label that does not exist is NaN and teaches nothing.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.deep_ranker.columns import Preparation
from training.deep_ranker.model import TASKS
from training.metrics import list_ndcg
from training.ranker.train import lists_of
from training.shop_data import Floats, Longs
from training.training_set import TrainingSet

LABEL_COLUMNS = {"click": "is_clicked", "cart": "is_carted"}  # null where the row has none


@dataclass(frozen=True)
class Lesson:
    """Rows ordered into lists; ``starts[g]:starts[g + 1]`` are those of list g."""

    values: Floats  # (n, d) as the other ranker reads them, (n, D) once prepared
    labels: Floats  # (n, T), NaN where the row has no such label
    weight: Floats  # (n,)
    starts: Longs  # (G + 1,)
    relevant: Longs  # (G,) items of the basket behind each list; 0 for impressions

    @property
    def sizes(self) -> Longs:
        return np.diff(self.starts)

    def prepared(self, preparation: Preparation) -> "Lesson":
        return replace(self, values=preparation.of(self.values))

    def ndcg(self, scores: Floats) -> float:
        """NDCG@10 of (n,) scores against the whole basket behind each list."""
        return list_ndcg(scores, self.labels[:, -1] > 0, self.sizes, self.relevant)

    def rows_of(self, lists: Longs) -> Longs:
        """The places of the rows of these lists, list by list."""
        sizes = self.sizes[lists]
        offsets = np.repeat(self.starts[lists] - np.cumsum(sizes) + sizes, sizes)
        return np.arange(int(sizes.sum())) + offsets


def joined(first: Lesson, second: Lesson) -> Lesson:
    """The lists of both, one after the other."""
    return Lesson(
        values=np.concatenate([first.values, second.values]),
        labels=np.concatenate([first.labels, second.labels]),
        weight=np.concatenate([first.weight, second.weight]),
        starts=np.concatenate([first.starts, first.starts[-1] + second.starts[1:]]),
        relevant=np.concatenate([first.relevant, second.relevant]),
    )


def lesson_of(training_set: TrainingSet, window: str, synthetic_weight: float) -> Lesson:
    """The lists of one kind of window, as the other ranker gets them, columns still unprepared."""
    lists = lists_of(training_set, window, synthetic_weight)
    table = training_set.table.filter(pc.equal(training_set.table["window"], window))
    labels = np.full((len(lists.label), len(TASKS)), np.nan, dtype=np.float32)
    for task, column in LABEL_COLUMNS.items():
        if column in table.column_names:
            labels[:, TASKS.index(task)] = pc.cast(table[column], pa.float32()).to_numpy()
    labels[:, TASKS.index("purchase")] = lists.label
    starts = np.concatenate([[0], np.cumsum(lists.sizes)]).astype(np.int64)
    return Lesson(lists.values, labels, lists.weight, starts, lists.relevant)
