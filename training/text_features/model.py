"""Where a text lies on the main axes of a shop's titles, and the feature row of an item's title.

Dimensions: N texts, D numbers of an encoder's vector, A axes (8). Knows no files and no network.
The axes are the main directions of the shop's own titles around their mean. Places on them are
whole ten-thousandths, so that a sum over many texts does not depend on the order of adding; SQL
divides (``dbt/macros/text_axes.sql``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

AXES = tuple("abcdefgh")  # eight: one more explains less than 3 % of Complete Journey's titles
COLUMNS = (*(f"axis_{axis}" for axis in AXES), "word_count")  # what is read of a text
SCALE = 10_000  # a place is known to .0001; float32 arithmetic moves it by .0000002
UNJUDGED = 0.5  # the declared default of a listing that no quality model has read
Places = NDArray[np.int64]


@dataclass(frozen=True)
class TitleAxes:
    """The mean of the titles' vectors and their main directions."""

    mean: NDArray[np.float64]  # (D,)
    directions: NDArray[np.float64]  # (D, A), unit columns, or zero where titles are too few

    def places_of(self, vectors: NDArray[np.float32]) -> Places:
        """(N, A) whole ten-thousandths; a text without a vector lies at the mean."""
        around = vectors.astype(np.float64) - self.mean
        around[~vectors.any(axis=1)] = 0
        # einsum, not a matrix product: a row's sum must not depend on the rows beside it
        places = np.einsum("nd,da->na", around, self.directions)
        return np.asarray(np.rint(places * SCALE), dtype=np.int64)


def fit_axes(vectors: NDArray[np.float32]) -> TitleAxes:
    """The ``AXES`` directions in which different titles differ most; signs and order are fixed."""
    used = vectors[vectors.any(axis=1)].astype(np.float64)
    width, count = vectors.shape[1], len(AXES)
    directions = np.zeros((width, count))
    if len(used) < 2:
        return TitleAxes(used.sum(axis=0) if len(used) else np.zeros(width), directions)
    mean = used.mean(axis=0)
    strength, found = np.linalg.eigh(np.cov(used, rowvar=False))
    order = np.argsort(-strength)[:count]
    kept = found[:, order] * (strength[order] > strength.max() * 1e-9)
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])]
    directions[:, : kept.shape[1]] = kept * np.where(largest < 0, -1, 1)
    return TitleAxes(mean, directions)


def item_row(
    item_id: str, listed_at: datetime, numbers: Mapping[str, int | None]
) -> dict[str, object]:
    """A row of ``ftr_item__text``, as its SQL makes it of the same reading (a test holds both)."""
    midnight = listed_at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    row: dict[str, object] = {"item_id": item_id, "event_timestamp": midnight}
    for axis in AXES:
        row[f"item__title_axis_{axis}_last"] = _unscaled(numbers[f"axis_{axis}"], 0)
    row["item__title_word_count"] = numbers["word_count"]
    row["item__listing_good_chance_last"] = _unscaled(numbers.get("listing_good"), UNJUDGED)
    return row


def _unscaled(ten_thousandths: int | None, otherwise: float) -> float:
    return otherwise if ten_thousandths is None else ten_thousandths / SCALE
