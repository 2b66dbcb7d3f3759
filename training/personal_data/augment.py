"""More sentences from few: other values in the same places, sentences of a shop, other cases.

    taught = augmented(lesson, kinds, copies=4, shop=400, seed=0)

Dimensions: N sentences. Pure; knows no files. A sentence of the training data comes back with each
span replaced by another of its kind, so that the tagger learns from what stands around it.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from training.fine_tuning.lesson import Lesson, Span, Texts
from training.personal_data.address_blocks import blocks_of, with_other_block
from training.personal_data.alignment import Aligned
from training.personal_data.fillers import FILLERS, address, digits_in, street
from training.personal_data.marked import Marked
from training.personal_data.names import composed, firm, first_name, last_name, person, pick, word
from training.personal_data.shop_sentences import CLEAN, SENTENCES

_PLACE = re.compile(r"\{(\w+)\}|\[(\w+)\]")
_WORD = re.compile(r"[^\W\d_]{3,}")
_KEPT_WORDS = frozenset(
    {"apt", "suite", "unit", "flat", "box", "the", "corner", "and", "rue", "via", "rua", "street",
     "road", "avenue", "lane", "drive", "calle"}
)  # fmt: skip
_KEPT_SHAPE = 0.5  # share of values that are replaced letter by letter, keeping their shape
_SHAPED = frozenset({"PHONE_NUMBER", "DATE_TIME", "ZIP_CODE", "AGE", "US_DRIVER_LICENSE"})
_LONGEST_HONORIFIC = 5  # "Prof."
_SHORTEST_STREET = 9  # characters: what is shorter is a house number or "Apt. 117"
_OTHER_BLOCK = 0.5  # share of copies in which an address comes from another sentence
_LOWER, _UPPER = 0.12, 0.05  # shares of sentences in one case: people who do not shift, or shout


def as_lesson(marked: Sequence[Marked], read: Callable[[str], Aligned]) -> Lesson:
    """What the engine is taught: texts as they are ``read``, spans told in their characters."""
    texts, spans = [], []
    for text, of in marked:
        aligned = read(text)
        texts.append(aligned.text)
        placed = [(*aligned.read(span.start, span.end), span.label) for span in of]
        spans.append(tuple(Span(start, end, kind) for start, end, kind in placed if end > start))
    return Lesson(Texts(tuple(texts)), None, tuple(spans))


def augmented(
    marked: Sequence[Marked], kinds: Sequence[str], *, copies: int, shop: int, seed: int
) -> list[Marked]:
    """``marked``, each ``copies`` times with other values, and ``shop`` sentences of a shop."""
    draw = np.random.default_rng((seed, 1))
    blocks = blocks_of(marked)
    more = [_cased(draw, _copied(draw, one, blocks)) for _ in range(copies) for one in marked]
    wanted = [s for s in SENTENCES if {k for k, _ in _PLACE.findall(s) if k} <= set(kinds)]
    forms = [*wanted, *CLEAN]
    more += [_cased(draw, filled(draw, pick(draw, forms))) for _ in range(shop)]
    return [*marked, *more]


def _copied(draw: Generator, marked: Marked, blocks: Sequence[Marked]) -> Marked:
    is_moved = draw.random() < _OTHER_BLOCK
    return refilled(draw, with_other_block(draw, marked, blocks) if is_moved else marked)


def refilled(draw: Generator, marked: Marked) -> Marked:
    """The sentence with other values in its spans."""
    text, spans = marked
    parts: list[str] = []
    moved, length, done = [], 0, 0
    for span in sorted(spans, key=lambda s: s.start):
        if span.start < done:  # a span in a span stays as it is, with its sentence
            return marked
        value = another(draw, text[span.start : span.end], span.label)
        parts += [text[done : span.start], value]
        start = length + span.start - done
        moved.append(Span(start, start + len(value), span.label))
        length, done = start + len(value), span.end
    return "".join([*parts, text[done:]]), tuple(moved)


def another(draw: Generator, value: str, kind: str) -> str:
    """A value of the kind; a part of one (a house number alone, a weekday) becomes such a part."""
    if kind == "STREET_ADDRESS":
        return _other_address(draw, value)
    if kind == "DATE_TIME" and not _has_digits(value):
        return word(draw, "days")
    if kind == "TITLE":
        return word(draw, "honorifics" if len(value) <= _LONGEST_HONORIFIC else "trades")
    is_year = kind == "DATE_TIME" and value.isdecimal()
    if kind not in FILLERS or is_year or (kind in _SHAPED and draw.random() < _KEPT_SHAPE):
        return reshaped(draw, value)
    return FILLERS[kind](draw)


def _other_address(draw: Generator, value: str) -> str:
    is_part = not (_has_letters(value) and _has_digits(value)) or len(value) < _SHORTEST_STREET
    if is_part or draw.random() < _KEPT_SHAPE:
        return reshaped(draw, value)
    return (address if re.search(r"[,\n]", value) else street)(draw)


def reshaped(draw: Generator, value: str) -> str:
    """Other digits, other words of names, the same shape."""

    def renamed(match: re.Match[str]) -> str:
        old = match.group()
        if old.lower() in _KEPT_WORDS:
            return old
        new = last_name(draw) if draw.random() < 0.5 else composed(draw, "place_ends")
        return new.upper() if old.isupper() else new.lower() if old.islower() else new

    digits = "".join(str(draw.integers(10)) if c.isdecimal() else c for c in value)
    return _WORD.sub(renamed, digits)


def filled(draw: Generator, form: str) -> Marked:
    """A sentence of a shop with values in its places, the marked ones as spans."""
    parts: list[str] = []
    spans, length, done = [], 0, 0
    for match in _PLACE.finditer(form):
        kind, filler = match.groups()
        value = FILLERS[kind](draw) if kind else _unmarked(draw, filler)
        parts += [form[done : match.start()], value]
        start = length + match.start() - done
        if kind:
            spans.append(Span(start, start + len(value), kind))
        length, done = start + len(value), match.end()
    return "".join([*parts, form[done:]]), tuple(spans)


def _unmarked(draw: Generator, filler: str) -> str:
    letters = "".join(pick(draw, tuple("ABCDEFGHKLMNPRSTVXZ")) for _ in range(2))
    values = {
        "THING": lambda: word(draw, "things"),
        "NUMBER": lambda: digits_in(draw, pick(draw, ("###", "####", "#####"))),
        "SMALL": lambda: str(draw.integers(1, 100)),
        "LONG": lambda: digits_in(draw, pick(draw, ("########", "##########", "#############"))),
        "CODE": lambda: digits_in(draw, letters + pick(draw, ("###", "-##", "#"))),
        "PERSON": lambda: person(draw), "FIRST": lambda: first_name(draw),
        "LAST": lambda: last_name(draw), "FIRM": lambda: firm(draw).split(",")[0],
    }  # fmt: skip
    if filler in values:
        return values[filler]()
    return FILLERS["NRP"](draw) if filler == "NRP" else "weekend"


def _cased(draw: Generator, marked: Marked) -> Marked:
    text, spans = marked
    chance = draw.random()
    other = text.lower() if chance < _LOWER else text.upper() if chance < _LOWER + _UPPER else text
    return (other, spans) if len(other) == len(text) else marked


def _has_letters(value: str) -> bool:
    return any(c.isalpha() for c in value)


def _has_digits(value: str) -> bool:
    return any(c.isdecimal() for c in value)
