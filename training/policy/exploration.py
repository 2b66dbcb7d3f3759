"""One place of a list for an item drawn at random, with the probability it was drawn with.

Pure. The draw depends on the request's id alone, by a digest and not by a library's generator, so
that a replay years later draws the same item. The item that would have stood there is in the pool,
so every item of the pool has the same, positive chance, which is what off-policy learning needs.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Draw:
    """``place`` (from 0) of the list goes to what stood at ``drawn``, with this probability."""

    place: int
    drawn: int
    propensity: float


def draw(request_id: str, *, size: int, shown: int, place: int, pool: int) -> Draw | None:
    """The draw for a list of ``size`` items of which ``shown`` are shown; None where it has none.

    ``place`` counts from 1, 0 is the last one shown; ``pool`` items from there on may be drawn.
    """
    last = min(size, shown)
    if last == 0:
        return None
    at = min(place or last, last) - 1
    choices = min(pool, size - at)
    number = int.from_bytes(hashlib.sha256(request_id.encode("utf-8")).digest(), "big")
    return Draw(place=at, drawn=at + number % choices, propensity=1 / choices)
