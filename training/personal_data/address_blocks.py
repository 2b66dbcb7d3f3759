"""Address blocks: pieces of one address that stand together, moved into other sentences.

    other = with_other_block(draw, marked, blocks_of(taught))

Dimensions: none. Pure. Some sentences mark an address whole, others its pieces one by one. How a
block is written tells which, not the sentence around it: a tagger that sees each block in many
sentences learns that.
"""

import re
from collections.abc import Sequence

from numpy.random import Generator

from training.fine_tuning.lesson import Span
from training.personal_data.decoding import PIECES
from training.personal_data.marked import Marked

_BETWEEN = re.compile(r"[\s,]*")
_WHOLE = re.compile(r"(?=.*\d)(?=.*[^\W\d_]{3})", re.DOTALL)  # number and street


def blocks_of(sentences: Sequence[Marked]) -> list[Marked]:
    """Every block of the sentences, with the spans of its pieces."""
    return [_cut(one, first, last) for one in sentences for first, last in _runs(one)]


def with_other_block(draw: Generator, marked: Marked, blocks: Sequence[Marked]) -> Marked:
    """The sentence with one of its blocks, if it has any, replaced by one of ``blocks``."""
    runs = _runs(marked)
    if not runs or not blocks:
        return marked
    text, spans = marked
    first, last = runs[int(draw.integers(len(runs)))]
    block, pieces = blocks[int(draw.integers(len(blocks)))]
    start, end = spans[first].start, spans[last - 1].end
    moved = [
        *spans[:first], *_moved(pieces, start), *_moved(spans[last:], len(block) - (end - start)),
    ]  # fmt: skip
    return text[:start] + block + text[end:], tuple(moved)


def _runs(marked: Marked) -> list[tuple[int, int]]:
    """From which span to before which one the blocks of a sentence go; spans come in order."""
    text, spans = marked
    runs: list[tuple[int, int]] = []
    for at, span in enumerate(spans):
        if span.label not in PIECES:
            continue
        goes_on = runs and runs[-1][1] == at
        if goes_on and _BETWEEN.fullmatch(text, spans[at - 1].end, span.start):
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return [run for run in runs if _is_address(marked, *run)]


def _is_address(marked: Marked, first: int, last: int) -> bool:
    """Towns alone are none, nor is a house number alone."""
    text, pieces = _cut(marked, first, last)
    has_street = any(piece.label == "STREET_ADDRESS" for piece in pieces)
    return has_street and _WHOLE.match(text) is not None


def _cut(marked: Marked, first: int, last: int) -> Marked:
    text, spans = marked
    start, end = spans[first].start, spans[last - 1].end
    return text[start:end], tuple(_moved(spans[first:last], -start))


def _moved(spans: Sequence[Span], by: int) -> list[Span]:
    return [Span(span.start + by, span.end + by, span.label) for span in spans]
