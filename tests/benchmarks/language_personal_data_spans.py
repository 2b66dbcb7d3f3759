"""Span precision, recall and F2 of personal data, told by offsets alone: no model is asked.

A found span is right if a true one of its text has its kind and their characters' intersection is
at least .9 of their union. True and found are matched one to one, the best overlap first. Counts
are pooled over texts and kinds; F2 = 5 P R / (4 P + R). Nothing is merged or dropped before, except
in ``published``: there neighbours that only spaces and punctuation part are one span, of any kind,
which is near the definition under which Presidio's .618 and .845 were published (tokens, its own
list of skipped words, addresses and places as one kind, any kind may match).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_OVERLAP = 0.9
_BETA_SQUARED = 4.0  # F2: recall weighs twice as much as precision
_BETWEEN = re.compile(r"[\s,.;:>\-?()\"']*")

Mark = tuple[int, int, str]  # start, end (exclusive), kind


@dataclass(frozen=True)
class Counts:
    """Spans that are true, that were found, and that are both."""

    true: int = 0
    found: int = 0
    both: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.true + other.true, self.found + other.found, self.both + other.both)

    @property
    def precision(self) -> float:
        return self.both / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 0.0

    @property
    def f2(self) -> float:
        weighed = _BETA_SQUARED * self.true + self.found
        return (1 + _BETA_SQUARED) * self.both / weighed if weighed else 0.0


def counted(true: Sequence[Mark], found: Sequence[Mark], *, any_kind: bool = False) -> Counts:
    """The spans of one text, matched one to one."""
    pairs = sorted(
        (-overlap(a, b), i, j)
        for i, a in enumerate(true)
        for j, b in enumerate(found)
        if (any_kind or a[2] == b[2]) and overlap(a, b) >= LEAST_OVERLAP
    )
    left, right = set[int](), set[int]()
    for _, i, j in pairs:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
    return Counts(len(true), len(found), len(left))


def overlap(one: Mark, other: Mark) -> float:
    """Intersection over union of two spans' characters."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    whole = max(one[1], other[1]) - min(one[0], other[0])
    return max(shared, 0) / whole if whole else 0.0


def merged(text: str, marks: Sequence[Mark]) -> list[Mark]:
    """Neighbours of one kind that nothing but spaces and punctuation parts, as one span."""
    whole: list[Mark] = []
    for mark in sorted(marks):
        last = whole[-1] if whole else None
        if last and last[2] == mark[2] and _BETWEEN.fullmatch(text, last[1], mark[0]):
            whole[-1] = (last[0], max(last[1], mark[1]), last[2])
        else:
            whole.append(mark)
    return whole


def published(text: str, true: Sequence[Mark], found: Sequence[Mark]) -> Counts:
    """One text under (nearly) the published definition; see the head of this file."""
    as_places = [
        [(s, e, "LOCATION" if k in {"GPE", "STREET_ADDRESS"} else k) for s, e, k in marks]
        for marks in (true, found)
    ]
    return counted(merged(text, as_places[0]), merged(text, as_places[1]), any_kind=True)


def characters(true: Sequence[Mark], found: Sequence[Mark]) -> Counts:
    """Characters of personal data, those that are found, and both: what a mask would cover."""
    held, told = (
        {at for start, end, _ in marks for at in range(start, end)} for marks in (true, found)
    )
    return Counts(len(held), len(told), len(held & told))


def f2_interval(
    counts: Sequence[Counts], groups: Sequence[int], *, draws: int = 1000
) -> tuple[float, float]:
    """95 % of F2 over groups of texts drawn with replacement: those of a template stand or fall."""
    place = np.unique(groups, return_inverse=True)[1]
    table = np.zeros((int(place.max(initial=-1)) + 1, 3), dtype=np.int64)
    np.add.at(table, place, np.array([(c.true, c.found, c.both) for c in counts]))
    draw = np.random.default_rng(0)
    rows = draw.integers(0, len(table), (draws, len(table)))
    true, found, both = table[rows].sum(1).T
    values = (1 + _BETA_SQUARED) * both / np.maximum(_BETA_SQUARED * true + found, 1)
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
