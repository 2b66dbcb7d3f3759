"""What popularity alone can say of items that nobody has had: the floors of ``recommenders_cold``.

A cold item has no popularity of its own, so it has that of its category: acts on the category's
warm items. The files have no categories, so two stand in for them, both from titles: the kind of
product (titles grouped by their words after the first two, where a brand and its line stand) and
the brand (the first word of a title). Per category
``main`` offers the items of the user's most frequent category, and ``affinity`` weighs categories
by the user's share of acts in them; both by popularity of the category. Equal scores are resolved
in the floors' favour by the mean over all their orders, never against them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.cold_items import ColdSplit
from training.retrievers import Histories, fading
from training.shop_data import Floats, Ints
from training.two_tower.words import counted, rarity, unit_rows

_WORD = re.compile(r"[a-z0-9'.&]+")
_ROUNDS = 10  # of grouping; groups of 12,000 titles hardly change after
_DIRECTIONS = 64  # of words in which titles are grouped
_BRAND_WORDS = 2  # that begin a title and say who made a thing, not what it is
_LITTLE = 1e-6  # of a category's popularity: orders what affinity leaves equal
KINDS = (30, 100, 300)  # how many product kinds are tried; a shop's leaves hold some 40 items


@dataclass(frozen=True)
class CategoryFloor:
    """Scores of every item from its category alone."""

    category: Ints  # (V,)
    popularity: Floats  # per category: acts per warm item, or all acts
    history_decay: float
    is_main_only: bool

    def score(self, histories: Histories) -> Floats:
        """(n, V)."""
        count, categories = len(self.category), len(self.popularity)
        member = sp.csr_array(
            (np.ones(count, np.float32), (np.arange(count), self.category)),
            shape=(count, categories),
        )
        shown = fading(histories, item_count=count, decay=self.history_decay)
        affinity = (shown @ member).toarray()
        affinity /= np.maximum(affinity.sum(axis=1, keepdims=True), 1e-9)
        if self.is_main_only:
            affinity = (affinity == affinity.max(axis=1, keepdims=True)) & (affinity > 0)
        popular = self.popularity / max(float(self.popularity.max(initial=0)), 1e-9)
        scores: Floats = (affinity * (popular + _LITTLE) + _LITTLE * popular).astype(np.float32)
        return scores[:, self.category]


def floors(
    split: ColdSplit, titles: Sequence[str], *, seed: int
) -> dict[str, dict[str, CategoryFloor]]:
    """Per reading of popularity within category every variant; validation chooses among them."""
    acts = np.bincount(split.known.item, minlength=split.known.item_count).astype(np.float32)
    kinds = {f"{count}_kinds": product_kinds(titles, split.warm, count, seed) for count in KINDS}
    found: dict[str, dict[str, CategoryFloor]] = {}
    for family, categories in (("category", kinds), ("brand", {"first_word": brands(titles)})):
        for is_main_only, reading in ((True, "main"), (False, "affinity")):
            variants = found.setdefault(f"{family}_{reading}", {})
            for name, category in categories.items():
                variants |= _variants(name, category, acts, split.warm, is_main_only)
    return found


def product_kinds(titles: Sequence[str], warm: Ints, count: int, seed: int) -> Ints:
    """(V,): titles in ``count`` groups by their words; the groups are made of warm titles only."""
    kinds = [" ".join(title.split()[_BRAND_WORDS:]) for title in titles]
    counts = counted(kinds, place_power=0.0, leading=0.0)
    words = unit_rows(counts, rarity(counts[warm]))
    words = words[:, np.unique(words[warm].indices)]  # what no warm title has groups nothing
    draw = np.random.default_rng(seed)
    directions = min(_DIRECTIONS, words.shape[1])
    start = draw.normal(size=(words.shape[1], directions)).astype(np.float32)
    basis = np.linalg.qr(words[warm].T @ (words[warm] @ start))[0]
    rows = words @ basis
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    taught = rows[warm]
    centres = taught[draw.choice(len(taught), min(count, len(taught)), replace=False)]
    for _ in range(_ROUNDS):
        nearest = (taught @ centres.T).argmax(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, taught)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-9), centres)
    return (rows @ centres.T).argmax(axis=1).astype(np.int32)


def brands(titles: Sequence[str]) -> Ints:
    """(V,): the first word of each title; titles without words share one."""
    first = [(_WORD.findall(title.lower()) or [""])[0] for title in titles]
    return np.unique(first, return_inverse=True)[1].astype(np.int32)


def expected_gain(scores: Floats, own: Floats, k: int) -> Floats:
    """NDCG@k per request, the mean over every order of the items that score as the target does."""
    above = (scores > own[:, None]).sum(axis=1)
    equal = (scores == own[:, None]).sum(axis=1)
    gains = np.zeros(scores.shape[1] + 1)
    gains[1 : k + 1] = (1 / np.log2(np.arange(2, k + 2)))[: scores.shape[1]]
    summed = np.cumsum(gains)
    found: Floats = (summed[above + equal] - summed[above]) / equal
    return found


def _variants(
    name: str, category: Ints, acts: Floats, warm: Ints, is_main_only: bool
) -> dict[str, CategoryFloor]:
    """Popularity per warm item or in all, and histories that fade fast or slowly."""
    count = int(category.max(initial=-1)) + 1
    total = np.bincount(category[warm], weights=acts[warm], minlength=count)
    each = total / np.maximum(np.bincount(category[warm], minlength=count), 1)
    return {
        f"{name}, {measure}, decay {decay}": CategoryFloor(
            category, popularity.astype(np.float32), decay, is_main_only
        )
        for measure, popularity in (("acts per item", each), ("all acts", total))
        for decay in (0.6, 0.9)
    }
