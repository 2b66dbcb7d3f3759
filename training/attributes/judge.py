"""Precision, recall and F1 of read attributes against a product's structured data. Pure.

Precision counts only products whose structured data know the attribute. Recall is told twice: of
the products whose truth stands in the title (what a reader could find) and of all.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from training.attributes.model import Attribute, values_of
from training.attributes.structured import Product, is_right


@dataclass(frozen=True)
class Marks:
    """One attribute over all products; ``right`` values read, ``found`` products answered."""

    read: int = 0  # values read on products that know the attribute
    right: int = 0  # of these, right
    known: int = 0  # products whose structured data know it
    stated: int = 0  # of these, stated in the title
    found: int = 0  # of the stated, with a right value read
    found_at_all: int = 0  # of the known, with a right value read

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


def precision_by_way(
    products: Sequence[Product], read: Sequence[tuple[Attribute, ...]]
) -> dict[str, float]:
    """How often each way of reading was right; one right and one wrong are assumed before."""
    counts: dict[str, list[int]] = defaultdict(lambda: [1, 2])
    for product, attributes in zip(products, read, strict=True):
        for one in attributes:
            if truth := product.truth.get(one.name):
                counts[f"{one.name}/{one.way}"][0] += is_right(one.value, truth)
                counts[f"{one.name}/{one.way}"][1] += 1
    return {way: right / total for way, (right, total) in sorted(counts.items())}
