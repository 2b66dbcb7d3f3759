"""Surfaces that start from items: similar to one, beside a basket, among the hits of a search.

Pure numpy over the memory. Such a surface has a signal of its own, 0 to 1 per item: what goes with
its items (co-visitation), what is of their categories, or the order in which hits were given. An
item that nobody has bought together with another has no co-visitation: its categories stand in.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from governance.errors import InputError
from training.metrics import top_k
from training.policy.model import Ranked
from training.recommender.reasons import MOST_REASONS, Reasons
from training.recommender.signals import Memory
from training.shop_data import Bools, Floats, Ints

if TYPE_CHECKING:
    from training.recommender.model import Candidates

SHOWS_OWN_ITEMS = {  # by surface: may it show items bought before?
    "home": True,
    "discover": False,
    "similar": True,
    "cart": True,
    "search": True,
    "email": True,
}
# Share of the categories beside co-visitation in the signal. Beside an item stand its own kind as
# well as its companions; a basket wants companions, its own kind is in it already. Chosen by
# looking at lists, not measured: no data here says what is similar.
CATEGORY_SHARE = {"similar": 0.6, "cart": 0.1}
JOINS_PERSONAL = ("cart",)  # the shopper's own candidates are ranked beside the surface's
RETRIEVER = {"similar": "co_visitation", "cart": "basket", "search": "given"}
BY_CATEGORY = "category"


@dataclass(frozen=True)
class Start:
    """What a surface begins with; ``signal`` has one value per item of the catalogue."""

    surface: str
    about: Ints
    items: Ints  # proposed for ``about``, rising
    signal: Floats
    is_linked: Bools  # per item of the catalogue: co-visitation, or the caller, names it
    is_new: bool  # nothing is known of what goes with ``about``

    @property
    def joins_personal(self) -> bool:
        return self.surface in JOINS_PERSONAL


def check_surface(surface: str) -> None:
    """InputError for a surface that nobody has built."""
    if surface not in SHOWS_OWN_ITEMS:
        raise InputError(
            f"surface {surface} is unknown",
            where="surface",
            why=f"the surfaces are {', '.join(SHOWS_OWN_ITEMS)}",
            next_step="name one of them",
        )


def start_from(memory: Memory, surface: str, about: Ints, limit: int) -> Start | None:
    """The start of a surface that begins with items; None for the others.

    Of ``about`` unknown items (-1) are left out. With none left a search is empty, and another
    surface has nothing to start from: nor has one whose items have neither links nor a kind.
    """
    about = about[about >= 0]
    if surface == "search":
        return _given(about, memory.stock.item_count)
    if surface not in RETRIEVER or len(about) == 0:
        return None
    together = memory.covisitation.scores(about, np.ones(len(about), dtype=np.float32))
    together[about] = 0.0
    most = float(together.max(initial=0.0))
    share = CATEGORY_SHARE[surface] if most > 0 else 1.0
    signal = share * _kinship(memory, about)
    if most > 0:
        signal += (1 - share) * together / most
    signal[about] = 0.0  # what it starts from is never proposed
    if not signal.any():
        return None
    return Start(
        surface=surface,
        about=about,
        items=_best(signal, limit // 2 if surface in JOINS_PERSONAL else limit),
        signal=signal.astype(np.float32),
        is_linked=together > 0,
        is_new=most <= 0,
    )


def beside(personal: Ints, start: Start | None) -> Ints:
    """The items to rank, rising: the surface's own, and the personal ones where it joins them."""
    if start is None:
        return personal
    own = np.union1d(start.items, personal) if start.joins_personal else start.items
    return own.astype(np.int32)


def widened(
    personal: Ints, ranks: npt.NDArray[np.int64], start: Start | None, *, absent: int
) -> tuple[Ints, npt.NDArray[np.int64]]:
    """The items to rank, and each retriever's ranks of them: ``absent`` where it has none."""
    items = beside(personal, start)
    wide = np.full((len(ranks), len(items)), absent, dtype=np.int64)
    _, at, of = np.intersect1d(items, personal, assume_unique=True, return_indices=True)
    wide[:, at] = ranks[:, of]
    return items, wide


def started(found: "Candidates", start: Start | None) -> "Candidates":
    """Candidates with the surface's signal among their scores and its name as a retriever."""
    if start is None:
        return found
    is_proposed = np.isfinite(list(found.scores.values())).any(axis=0) & start.joins_personal
    others = np.where(is_proposed, found.retrievers, BY_CATEGORY)
    names = np.where(start.is_linked[found.items], RETRIEVER[start.surface], others)
    return replace(
        found,
        scores={**found.scores, start.surface: start.signal[found.items]},
        retrievers=tuple(names.tolist()),
        start=start,
    )


def blended(
    personal: npt.NDArray[np.float64], start: Start | None, items: Ints, *, weight: float
) -> npt.NDArray[np.float64]:
    """The surface's signal with ``weight``, beside the personal scores brought to 0..1."""
    if start is None or len(items) == 0:
        return personal
    low, high = personal.min(), personal.max()
    scaled = (personal - low) / (high - low) if high > low else np.zeros(len(personal))
    return weight * start.signal[items].astype(np.float64) + (1 - weight) * scaled


def reasons_about(
    memory: Memory, start: Start | None, items: Ints, others: Reasons, titles: tuple[str, ...]
) -> Reasons:
    """The surface's own reason before the others, at most three in all."""
    if start is None or start.surface == "search":
        return others
    ones = np.ones(len(start.about), dtype=np.float32)
    causes = memory.covisitation.causes(start.about, ones, items)
    kinds, found = kinds_of(memory), []
    for item, cause, other in zip(items.tolist(), causes.tolist(), others, strict=True):
        kin = _first_of_a_kind(kinds, start.about, item)
        own: tuple[str, ...] = ()
        if cause >= 0 and titles[cause]:
            own = (f"often bought with {titles[cause]}",)
        elif kin >= 0 and titles[kin]:
            own = (f"of the same kind as {titles[kin]}",)
        found.append((*own, *other)[:MOST_REASONS])
    return tuple(found)


def as_ranked(memory: Memory, ranked: tuple[int, ...], scores: tuple[float, ...]) -> Ranked:
    """A ranking with what the policy needs to know of its items; zero vectors where none is."""
    sasrec, items = memory.sasrec, np.array(ranked, dtype=np.int32)
    vectors = np.zeros((len(items), sasrec.items.shape[1]), dtype=np.float32)
    if len(sasrec.vocabulary):
        row = np.minimum(np.searchsorted(sasrec.vocabulary, items), len(sasrec.vocabulary) - 1)
        is_known = sasrec.vocabulary[row] == items
        vectors[is_known] = sasrec.items[row[is_known]]
    return Ranked(items, np.array(scores), kinds_of(memory)[items], vectors)


def kinds_of(memory: Memory) -> Ints:
    """Category codes (items, levels); where the shop has one category, each item is its own."""
    categories = memory.stock.categories
    finest = categories[:, -1]
    if len(finest) and (finest != finest[0]).any():
        return categories
    return np.arange(len(finest), dtype=np.int32)[:, None]


def _given(about: Ints, item_count: int) -> Start:
    """Hits keep their order as a signal: the first 1, the last just above 0."""
    signal = np.zeros(item_count, dtype=np.float32)
    signal[about] = 1 - np.arange(len(about)) / len(about)
    return Start("search", about, np.sort(about), signal, signal > 0, is_new=False)


def _kinship(memory: Memory, about: Ints) -> npt.NDArray[np.float64]:
    """Share of category levels in common with ``about``; popular items first among equals."""
    categories = kinds_of(memory)
    shared = np.zeros(len(categories))
    for level in range(categories.shape[1]):
        codes = categories[:, level]
        is_theirs = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.bool_)
        is_theirs[codes[about]] = True
        shared += is_theirs[codes]
    popularity = np.log1p(memory.stock.popularity)
    popular = popularity / max(float(popularity.max(initial=0)), 1e-9)
    # Less than a level, so that popularity never outweighs a level in common.
    levels = np.where(shared > 0, shared + 0.9 * popular, 0.0)
    share: npt.NDArray[np.float64] = levels / (categories.shape[1] + 0.9)
    return share


def _best(signal: npt.NDArray[np.float64], limit: int) -> Ints:
    """The ``limit`` items of the largest signal above 0, rising."""
    found = np.flatnonzero(signal > 0)
    return np.sort(found[top_k(signal[found], limit)]).astype(np.int32)


def _first_of_a_kind(categories: Ints, about: Ints, item: int) -> int:
    """The first item of ``about`` in the same finest category; -1 for none."""
    same = np.flatnonzero(categories[about, -1] == categories[item, -1])
    return int(about[same[0]]) if len(same) else -1
