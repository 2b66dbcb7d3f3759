"""Queries of which it is known what they should find: judged, clicked, or made from the catalogue.

A known-item query is a product's title as a hurried person recalls it: words left out, some
misspelt. Pure; the same seed gives the same queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.encoder.readable import readable
from training.fine_tuning.augmentation import rewritten
from training.fine_tuning.config import FineTuning
from training.text_search.catalogue import Catalogue

_MOST_WORDS = 12  # of a title that anybody recalls
_RECALLED = FineTuning(drop_words=0.5, misspell=0.15)  # shares of the title's words


@dataclass(frozen=True)
class Judged:
    """A query, how good each product is for it, and whether only these products are ranked."""

    query: str
    gains: Mapping[str, float]  # by item id; 0 is judged, and useless
    is_closed: bool = False  # true: rank the judged products; false: the whole catalogue


def known_items(
    catalogue: Catalogue, count: int, *, rows: Sequence[int] | None = None, seed: int = 0
) -> list[Judged]:
    """At most ``count`` queries, each for another product of ``rows``, or of all."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(catalogue) if rows is None else np.asarray(rows))
    found: list[Judged] = []
    for row in order.tolist():
        if len(found) == count:
            break
        product = catalogue.products[row]
        if query := recalled(product.title, draw):
            found.append(Judged(query, {product.item_id: 1.0}))
    return found


def recalled(title: str, draw: np.random.Generator) -> str:
    """About half of a title's words, some misspelt; empty for a title without words."""
    words = readable(title).split(" ")[:_MOST_WORDS]
    return rewritten(" ".join(words), _RECALLED, draw)
