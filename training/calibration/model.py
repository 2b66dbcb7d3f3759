"""A confidence from a score: a rising line through a few points, and nothing else.

Pure numpy; two arrays are all that a bundle keeps. The confidence is the probability that the item
is in the user's next basket, as often as candidates with such a score were in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """K points of the line; below the first and above the last it is level."""

    scores: Doubles  # (K,) rising
    probabilities: Doubles  # (K,) never falling, within [0, 1]

    def confidence(self, scores: npt.NDArray[np.floating]) -> Doubles:
        """One probability per score."""
        found: Doubles = np.interp(scores, self.scores, self.probabilities)
        return found

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Both arrays by name, for a bundle."""
        return {"scores": self.scores, "probabilities": self.probabilities}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "Calibration":
        """The calibration that :meth:`arrays` came from."""
        return cls(arrays["scores"].astype(np.float64), arrays["probabilities"].astype(np.float64))
