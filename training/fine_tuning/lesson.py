"""What a text task teaches: texts or pairs of texts, and what is right of each.

Dimensions: N examples. Pure; knows neither networks nor files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["classes", "tokens"]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of ``readable(text)`` are of a kind."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Texts:
    """N texts, or N pairs where ``second`` has as many as ``first``."""

    first: tuple[str, ...]
    second: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: Sequence[int] | Labels) -> "Texts":
        """The given rows, in their order."""
        second = tuple(self.second[row] for row in rows) if self.second else ()
        return Texts(tuple(self.first[row] for row in rows), second)


@dataclass(frozen=True)
class Head:
    """What is answered of a text: one of ``labels``, or one of them for each token.

    For ``tokens``, ``labels`` are kinds of span without "outside" and BIO marks.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """N examples: ``labels`` (N,) index ``Head.labels``; ``spans`` instead for a head of tokens."""

    texts: Texts
    labels: Labels | None = None
    spans: tuple[tuple[Span, ...], ...] = ()
    weights: NDArray[np.float32] | None = None  # (N,) how much an example counts; None: all alike

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | Labels) -> "Lesson":
        """The given rows, in their order."""
        index = np.asarray(rows, dtype=np.int64)
        return Lesson(
            self.texts.take(index),
            None if self.labels is None else self.labels[index],
            tuple(self.spans[row] for row in index) if self.spans else (),
            None if self.weights is None else self.weights[index],
        )
