"""A listing with a defect planted into it, and what it was made from. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.listing_quality.listing import Listing

Draw = np.random.Generator


@dataclass(frozen=True)
class Planted:
    """A listing with a defect, and the truth: which one, and what stood there before."""

    listing: Listing
    original: Listing
    defect: str
    is_unseen: bool


@dataclass(frozen=True)
class Sources:
    """What defects are made of: the catalogue's brands, and listings to take categories from."""

    brands: tuple[str, ...]
    listings: tuple[Listing, ...]
    has_titled_brands: bool  # whether titles of this catalogue name their brand

    @staticmethod
    def of(listings: Sequence[Listing]) -> "Sources":
        brands = sorted({one.brand for one in listings if one.brand})
        titled = [one.brand.casefold() in one.title.casefold() for one in listings if one.brand]
        return Sources(tuple(brands), tuple(listings), bool(titled and np.mean(titled) > 0.5))


@dataclass(frozen=True)
class Case:
    """What a defect is planted into, with what, by which draw."""

    listing: Listing
    sources: Sources
    draw: Draw
    is_unseen: bool
