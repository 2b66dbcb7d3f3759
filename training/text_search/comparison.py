"""Whether a change of an index does better on searches that did not teach it.

What is judged is what a shopper would see: the first ten of the index's own order. Pure.

Dimensions: Q queries.
"""

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from training.text_search.fit_fusion import DEPTH, dcg
from training.text_search.fusion import Doubles
from training.text_search.index import SearchIndex
from training.text_search.judged import Judged


@dataclass(frozen=True)
class Reached:
    """(Q,) figures of one index; a click counts by its weight."""

    ndcg: Doubles
    recall: Doubles  # share of the clicks whose product, or one that reads alike, is shown
    is_new: tuple[bool, ...]  # whether nobody had asked the query before

    def means(self) -> dict[str, float | None]:
        """As a card may have them; None where no query is new."""
        new = self.ndcg[list(self.is_new)]
        return {
            "ndcg_at_10": round(float(self.ndcg.mean()), 6),
            "recall_at_10": round(float(self.recall.mean()), 6),
            "new_ndcg_at_10": round(float(new.mean()), 6) if len(new) else None,
        }


@dataclass(frozen=True)
class Comparison:
    """A part that was learned, and what the index reached without and with it."""

    part: str
    before: dict[str, float | None]
    after: dict[str, float | None]
    gain: float  # of NDCG, which also counts how far up a product stands
    standard_error: float  # of the gain, in the same queries

    @property
    def is_kept(self) -> bool:
        """Whether it does better by more than a standard error: each part makes answers slower."""
        return self.gain > self.standard_error

    def as_dict(self) -> dict[str, object]:
        """As a card may have it."""
        return asdict(self) | {"is_kept": self.is_kept}


def compared(part: str, before: Reached, after: Reached) -> Comparison:
    """Of the same queries."""
    gains = after.ndcg - before.ndcg
    error = float(gains.std()) / len(gains) ** 0.5
    return Comparison(
        part, before.means(), after.means(), round(float(gains.mean()), 6), round(error, 6)
    )


def line_of(comparison: dict[str, object]) -> str:
    """What a card has of a comparison, in words."""
    before, after = comparison["before"], comparison["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    said = "kept" if comparison["is_kept"] else "not kept"
    return (
        f"{comparison['part']} {said}: NDCG@10 {before['ndcg_at_10']:.3f} -> "
        f"{after['ndcg_at_10']:.3f} (standard error {comparison['standard_error']:.3f}), "
        f"recall@10 {before['recall_at_10']:.3f} -> {after['recall_at_10']:.3f}"
    )


def reached(index: SearchIndex, judged: Sequence[Judged], new: Container[str] = ()) -> Reached:
    """What the index's own order reaches on queries of which each has something good."""
    found = np.array([_one(index, query) for query in judged])
    return Reached(found[:, 0], found[:, 1], tuple(query.query in new for query in judged))


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
