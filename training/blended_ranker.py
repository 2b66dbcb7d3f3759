"""Several rankers as one: the sum of their scores, each in units of its own spread.

Scores of a forest and logits of a network have no common unit. Each is divided by the standard
deviation of its scores within lists, as the validation lists showed it, and all count alike:
nothing else is fitted, so validation may still say whether the sum is better than its parts.
Knows no files and no torch.

Dimensions: n candidates, G lists.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.candidate_ranker import CandidateRanker
from training.ranker.model import FeatureColumn
from training.shop_data import Floats, Longs

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BlendedRanker:
    """Scores candidates by all of ``parts``, which read the same columns."""

    parts: tuple[CandidateRanker, ...]
    spreads: tuple[float, ...]  # of each part's scores within a list

    @property
    def retrieval(self) -> tuple[str, ...]:
        return self.parts[0].retrieval

    @property
    def service(self) -> tuple[FeatureColumn, ...]:
        return self.parts[0].service

    def scores(
        self, retrieval: Floats, user: npt.NDArray[np.floating], item: npt.NDArray[np.floating]
    ) -> Scores:
        """One score per candidate from (n, retrieval), (user columns,), (n, item columns)."""
        return blended([one.scores(retrieval, user, item) for one in self.parts], self.spreads)


def blended(scores: list[Scores], spreads: tuple[float, ...]) -> Scores:
    """(n,) the sum of (n,) scores, each in units of its spread."""
    parts = [one / spread for one, spread in zip(scores, spreads, strict=True)]
    total: Scores = np.sum(parts, axis=0)
    return total


def spread_of(scores: Scores, sizes: Longs) -> float:
    """The standard deviation of (n,) scores within lists of (G,) sizes; 1 where none differ."""
    sizes = sizes[sizes > 0]
    starts = np.cumsum(sizes) - sizes
    means = np.repeat(np.add.reduceat(scores, starts) / sizes, sizes) if len(sizes) else scores
    found = float(np.sqrt(np.mean((scores - means) ** 2))) if len(scores) else 0.0
    return found if found > 0 else 1.0
