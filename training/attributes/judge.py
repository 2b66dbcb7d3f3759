"""Precision, recall and F1 of read attributes against a product's structured data. Pure.

Precision counts only products whose structured data know the attribute. Recall is told twice: of
the products whose truth stands in the title (what a reader could find) and of all.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from training.attributes.model import Attribute, values_of
from training.attributes.structured import Product, is_right

DRAWS = 400  # of suppliers: a share near 0.95 is known to about 0.01
SURE = 0.95
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Marks:
    """One attribute over all products; ``right`` values read, ``found`` products answered."""

    read: float = 0  # values read on products that know the attribute
    right: float = 0  # of these, right
    known: float = 0  # products whose structured data know it
    stated: float = 0  # of these, stated in the title
    found: float = 0  # of the stated, with a right value read
    found_at_all: float = 0  # of the known, with a right value read

    @property
    def precision(self) -> float:
        return self.right / self.read if self.read else 0.0

    @property
    def recall(self) -> float:
        return self.found / self.stated if self.stated else 0.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def judge(products: Sequence[Product], read: Sequence[tuple[Attribute, ...]]) -> dict[str, Marks]:
    """Marks by attribute."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * 6)
    for product, attributes in zip(products, read, strict=True):
        for name, truth in product.truth.items():
            values = values_of(attributes, name)
            right = sum(is_right(value, truth) for value in values)
            is_stated, is_found = bool(product.stated[name]), right > 0
            added = (len(values), right, 1, is_stated, is_stated and is_found, is_found)
            counts[name] = [had + more for had, more in zip(counts[name], added, strict=True)]
    return {name: Marks(*counted) for name, counted in sorted(counts.items())}


def is_surely_better(
    name: str,
    products: Sequence[Product],
    one: Sequence[tuple[Attribute, ...]],
    other: Sequence[tuple[Attribute, ...]],
    *,
    seed: int,
) -> bool:
    """Whether ``one`` reads ``name`` better whatever suppliers are drawn: in 19 of 20 draws."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, product in enumerate(products):
        places[product.supplier].append(place)

    def counts(read: Sequence[tuple[Attribute, ...]]) -> Floats:
        rows = []
        for supplier in sorted(places):
            own = places[supplier]
            marks = judge([products[at] for at in own], [read[at] for at in own])
            rows.append(astuple(marks.get(name, Marks())))
        return np.array(rows, dtype=np.float64)

    ours, theirs = counts(one), counts(other)
    drawn = np.random.default_rng(seed).multinomial(
        len(places), np.full(len(places), 1 / len(places)), size=DRAWS
    )
    wins = [Marks(*(draw @ ours)).f1 > Marks(*(draw @ theirs)).f1 for draw in drawn]
    return float(np.mean(wins)) >= SURE


def rights_by_way(
    products: Sequence[Product], read: Sequence[tuple[Attribute, ...]]
) -> dict[str, tuple[int, int]]:
    """Of each "attribute/way" the right readings and all that structured data can judge."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for product, attributes in zip(products, read, strict=True):
        for one in attributes:
            if truth := product.truth.get(one.name):
                counts[f"{one.name}/{one.way}"][0] += is_right(one.value, truth)
                counts[f"{one.name}/{one.way}"][1] += 1
    return {way: (right, judged) for way, (right, judged) in sorted(counts.items())}


def precision_by_way(
    products: Sequence[Product], read: Sequence[tuple[Attribute, ...]]
) -> dict[str, float]:
    """How often each way of reading was right; one right and one wrong are assumed before."""
    counts = rights_by_way(products, read)
    return {way: (right + 1) / (judged + 2) for way, (right, judged) in counts.items()}
