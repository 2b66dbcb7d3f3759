"""One shopper's order of what a search found: relevance leads, the ranker's score has a say. Pure.

Dimensions: C products found.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.text_search.index import Hit

Doubles = NDArray[np.float64]


def personal_order(
    hits: Sequence[Hit], said: Mapping[str, float], weight: float
) -> list[tuple[Hit, float, dict[str, float]]]:
    """Hits best first with score and parts; ``said`` is the ranker's score of those it knows.

    Equal scores stay in the order of relevance; where the ranker knows none, so does everything.
    """
    if not said:
        return [(hit, hit.score, {}) for hit in hits]
    relevance = shares(np.array([hit.score for hit in hits], dtype=np.float64))
    personal = _said(hits, said)
    scores = (1 - weight) * relevance + weight * personal
    return [
        (
            hits[place],
            float(scores[place]),
            {"relevance": float(relevance[place]), "personal": float(personal[place])},
        )
        for place in np.argsort(-scores, kind="stable").tolist()
    ]


def _said(hits: Sequence[Hit], said: Mapping[str, float]) -> Doubles:
    """(C,) from 0 to 1; a product that the ranker does not know counts as the mean of the known."""
    known = shares(np.array([said.get(hit.item_id, np.nan) for hit in hits], dtype=np.float64))
    if np.isnan(known).all():
        return np.ones(len(hits))
    return np.where(np.isnan(known), np.nanmean(known), known)


def shares(scores: Doubles) -> Doubles:
    """(C,) 0 for the least and 1 for the best; all alike become 1; NaN stays."""
    if np.isnan(scores).all():
        return scores
    least, best = np.nanmin(scores), np.nanmax(scores)
    if best <= least:
        return np.where(np.isnan(scores), np.nan, 1.0)
    found: Doubles = (scores - least) / (best - least)
    return found
