"""Listings as they came, some with a planted defect: what a quality model learns and is judged on.

    mix = mixed(listings, Sources.of(taught), share=0.3, seed=1)

Dimensions: N listings. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.listing_quality.corruptions import plant
from training.listing_quality.listing import DEFECTS, Listing
from training.listing_quality.planted import Planted, Sources
from training.listing_quality.rules import PLAIN, Known, signs_of

Bits = NDArray[np.bool_]
Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Mix:
    """Listings with the defect of each; None: as it came."""

    listings: tuple[Listing, ...]
    defects: tuple[str | None, ...]

    def has(self, name: str) -> Bits:
        """Where a defect is, or any of them for "bad"."""
        return np.array([d is not None if name == "bad" else d == name for d in self.defects])


def mixed(
    listings: Sequence[Listing],
    sources: Sources,
    *,
    share: float,
    seed: int,
    is_unseen: bool = False,
) -> Mix:
    """Each listing once; about ``share`` of them with a planted defect, every defect as often."""
    draw = np.random.default_rng(seed)
    shown: list[Listing] = []
    defects: list[str | None] = []
    for one in listings:
        is_bad = bool(draw.random() < share)
        found = drawn(one, sources, draw, is_unseen=is_unseen) if is_bad else None
        shown.append(found.listing if found else one)
        defects.append(found.defect if found else None)
    return Mix(tuple(shown), tuple(defects))


def drawn(
    one: Listing, sources: Sources, draw: np.random.Generator, *, is_unseen: bool = False
) -> Planted | None:
    """The listing with the first defect of a random order that it can have."""
    for defect in draw.permutation(DEFECTS):
        if found := plant(str(defect), one, sources, draw, is_unseen=is_unseen):
            return found
    return None


def weights(mix: Mix, known: Known, plain_weight: float) -> Weights:
    """(N,) how much each counts: ``plain_weight`` if it came with a defect that is plain to see."""
    plain = PLAIN - known.usual
    counts = np.ones(len(mix.listings), dtype=np.float32)
    for at, (one, defect) in enumerate(zip(mix.listings, mix.defects, strict=True)):
        if defect is None and plain & signs_of(one, known).keys():
            counts[at] = plain_weight
    return counts
