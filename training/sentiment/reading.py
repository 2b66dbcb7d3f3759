"""What reviews say as whole thousandths, whose sums do not depend on the order of adding.

Dimensions: N reviews. Each is read alone: what is padded beside longer ones would move the last
digits of what the network says, and no review's numbers may depend on the others.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from training.sentiment.aspects import LEXICON, judge_aspects

if TYPE_CHECKING:  # torch and scikit-learn: names of columns are read without them
    from training.sentiment.model import SentimentModel

SCALE = 1_000  # a probability or polarity is known to .001, less than two trainings differ by
COLUMNS = ("sentiment", *(f"aspect_{name}" for name in LEXICON))
FORM = 1  # raised when the same model gives other numbers


def read_reviews(texts: Sequence[str], model: "SentimentModel") -> list[tuple[int | None, ...]]:
    """(N,) rows of ``COLUMNS``: how likely it is positive, 0 to 1,000; of each aspect how it is
    liked, -1,000 to 1,000, None where nobody speaks of it. All None where there is no text."""
    aspects = judge_aspects(texts, model)
    found: list[tuple[int | None, ...]] = []
    for text, polarities in zip(texts, aspects.polarity, strict=True):
        if not text:
            found.append((None,) * len(COLUMNS))
            continue
        said = [None if np.isnan(value) else _whole(value) for value in polarities]
        found.append((_whole(model.probabilities([text])[0]), *said))
    return found


def _whole(value: float) -> int:
    return int(np.rint(value * SCALE))
