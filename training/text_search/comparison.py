"""Whether a change of an index does not lose on searches that did not teach it.

What is judged is what a shopper would see: the first ten of the index's own order. Pure.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from training.text_search.fit_fusion import DEPTH, dcg
from training.text_search.index import SearchIndex
from training.text_search.judged import Judged


@dataclass(frozen=True)
class Reached:
    """Means over queries; a click counts by its weight."""

    ndcg_at_10: float
    recall_at_10: float  # share of the clicks whose product, or one that reads alike, is shown

    def __str__(self) -> str:
        return f"NDCG@10 {self.ndcg_at_10:.3f}, recall@10 {self.recall_at_10:.3f}"


@dataclass(frozen=True)
class Comparison:
    """A part of an index that was learned, and what the index reached without and with it."""

    part: str
    before: Reached
    after: Reached

    @property
    def is_kept(self) -> bool:
        """By NDCG, which also counts how far up a product stands."""
        return self.after.ndcg_at_10 >= self.before.ndcg_at_10

    def as_dict(self) -> dict[str, object]:
        """As a card may have it."""
        return asdict(self) | {"is_kept": self.is_kept}

    def line(self) -> str:
        """In words."""
        said = "kept" if self.is_kept else "not kept"
        return f"{self.part} {said}: {self.after}; without it {self.before}"


def reached(index: SearchIndex, judged: Sequence[Judged]) -> Reached:
    """What the index's own order reaches on queries of which each has something good."""
    found = [_one(index, query) for query in judged]
    ndcg, recall = np.mean(found, axis=0).tolist()
    return Reached(round(ndcg, 6), round(recall, 6))


def _one(index: SearchIndex, judged: Judged) -> tuple[float, float]:
    hits = index.search(judged.query, k=DEPTH)
    gains = np.array([judged.gains.get(hit.item_id, 0.0) for hit in hits])
    ideal = -np.sort(-np.array(list(judged.gains.values()), dtype=np.float64))
    products, row_of = index.catalogue.products, index.catalogue.row_of
    worth = {
        index.knobs.reading(products[row_of[item_id]]): gain
        for item_id, gain in judged.gains.items()
    }
    shown = {index.knobs.reading(products[row_of[hit.item_id]]) for hit in hits}
    got = sum(gain for reading, gain in worth.items() if reading in shown)
    return dcg(gains) / dcg(ideal), got / sum(worth.values())
