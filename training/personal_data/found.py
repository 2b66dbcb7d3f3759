"""What was found in a text: where, of which kind, how surely; never the text itself.

Dimensions: none. Pure; knows no files. Offsets count characters of the text as it was given, so a
span can be masked or judged in place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Source = Literal["checked", "pattern", "tagger"]  # checked: a checksum or strict grammar says so

_RANK: dict[str, int] = {"checked": 2, "tagger": 1, "pattern": 0}


@dataclass(frozen=True, order=True)
class Found:
    """Characters ``start`` to ``end`` (exclusive) are personal data of a kind."""

    start: int
    end: int
    kind: str
    confidence: float = 1.0
    source: Source = "pattern"

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: "Found") -> bool:
        """Whether the two share a character."""
        return self.start < other.end and other.start < self.end


def without_overlaps(found: Iterable[Found]) -> list[Found]:
    """The spans that win their place: checked, then the tagger's, then patterns; surer, longer.

    A loser keeps the longest part that no winner covers where that is at least half of it.
    """
    won: list[Found] = []
    ranked = sorted(found, key=lambda f: (-_RANK[f.source], -f.confidence, -len(f), f.start))
    for span in ranked:
        free = _longest_free(span, won)
        if free is not None:
            won.append(free)
    return sorted(won)


def _longest_free(span: Found, taken: Sequence[Found]) -> Found | None:
    begin, best = span.start, (0, 0)
    for other in sorted(t for t in taken if t.overlaps(span)):
        best = max(best, (other.start - begin, begin))
        begin = max(begin, other.end)
    length, start = max(best, (span.end - begin, begin))
    if length <= 0 or 2 * length < len(span):
        return None
    return Found(start, start + length, span.kind, span.confidence, span.source)
