"""Pairs with a tail of unknown words on one side: they teach that such words say little.

Dimensions: N pairs. Pure. Both labels get tails alike. The words are letters drawn at random, since
a tail that a catalogue does not know is as rare as words can be, whoever writes it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.duplicates.listing import Listing
from training.duplicates.pairs import Ints, Pairs

_SHORTEST, _LONGEST = 4, 12  # words: an order of a few words to a long sentence
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")


def tailed(pairs: Pairs, share: float, *, seed: int) -> tuple[Ints, Pairs]:
    """About ``share`` of the rows, and these pairs with a tail behind the title of one side."""
    draw = np.random.default_rng([seed, 1])  # another stream than that of the folds
    rows = np.flatnonzero(draw.random(len(pairs)) < share)
    chosen = pairs.take(rows)
    is_first = draw.random(len(rows)) < 0.5
    return rows, replace(
        chosen,
        first=_with_tails(chosen.first, is_first.tolist(), draw),
        second=_with_tails(chosen.second, (~is_first).tolist(), draw),
    )


def _with_tails(
    side: Sequence[Listing], is_tailed: Sequence[bool], draw: np.random.Generator
) -> tuple[Listing, ...]:
    pairs = zip(side, is_tailed, strict=True)
    return tuple(with_tail(one, _words(draw)) if given else one for one, given in pairs)


def with_tail(listing: Listing, words: str) -> Listing:
    """The listing with ``words`` behind its title."""
    title = f"{listing.title} {words}".strip()
    return replace(
        listing, columns=listing.columns or ("title",), values=(title, *listing.values[1:])
    )


def _words(draw: np.random.Generator) -> str:
    sizes = draw.integers(2, 9, size=int(draw.integers(_SHORTEST, _LONGEST + 1)))
    return " ".join("".join(draw.choice(_LETTERS, size)) for size in sizes)
