"""A confidence from a score: a rising line through a few points, and nothing else.

Pure numpy; what a bundle keeps is three arrays. The confidence is the probability that the item is
in the user's next basket: as often as candidates of such a level were in it. The level is the
ranker's score plus ``basket_weight`` times the logarithm of the user's mean basket: a score orders
one user's list, and who buys more at a time buys each of its items more often.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
BASKET_COLUMN = "user_mean_basket"  # the retrieval column that says how much a user buys at a time


@dataclass(frozen=True)
class Calibration:
    """K points of the line; below the first and above the last it is level."""

    levels: Doubles  # (K,) rising
    probabilities: Doubles  # (K,) never falling, within [0, 1]
    basket_weight: float

    def confidence(
        self, scores: npt.NDArray[np.floating], baskets: npt.NDArray[np.floating]
    ) -> Doubles:
        """One probability per score; ``baskets`` are mean baskets of the scores' users."""
        asked = level_of(scores, baskets, self.basket_weight)
        found: Doubles = np.interp(asked, self.levels, self.probabilities)
        return found

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Everything by name, for a bundle."""
        weight = np.array([self.basket_weight])
        return {
            "levels": self.levels,
            "probabilities": self.probabilities,
            "basket_weight": weight,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "Calibration":
        """The calibration that :meth:`arrays` came from."""
        levels, probabilities = arrays["levels"], arrays["probabilities"]
        weight = float(arrays["basket_weight"].astype(np.float64)[0])
        return cls(levels.astype(np.float64), probabilities.astype(np.float64), weight)


def level_of(
    scores: npt.NDArray[np.floating], baskets: npt.NDArray[np.floating], weight: float
) -> Doubles:
    """What a share is read off at; a mean basket below one item counts as one."""
    return scores + weight * np.log(np.maximum(baskets.astype(np.float64), 1.0))
