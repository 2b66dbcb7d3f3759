"""A learned reader of titles: spans of brand, colour and measures by a tokens head.

Distant supervision: a span teaches where the rules read a value that the product's structured data
confirm, and the brand where the supplier's own name stands. What the tagger marks is turned into a
value by the same rules, so that both readers answer in one form. Knows no files.
"""

import re
from collections.abc import Sequence

import numpy as np

from training.attributes.brands import Brands
from training.attributes.measures import find_measures
from training.attributes.model import Attribute, Extractor, Rules, extract
from training.attributes.structured import Product, is_right
from training.encoder.readable import readable
from training.fine_tuning.lesson import Head, Lesson, Span, Texts
from training.fine_tuning.model import TunedModel

NAMES = ("brand", "colour", "quantity", "length", "screen_size", "capacity", "frequency")
HEAD = Head("attributes", "tokens", NAMES)


def lesson_of(products: Sequence[Product], rules: Rules) -> Lesson:
    """Titles with the spans that structured data confirm."""
    blind = Extractor(rules, Brands())
    titles = tuple(product.title for product in products)
    return Lesson(Texts(titles), spans=tuple(_spans(product, blind) for product in products))


def tag(model: TunedModel, titles: Sequence[str], rules: Rules) -> list[tuple[Attribute, ...]]:
    """Attributes that the tagger marks; a marked measure that no rule can value is left out."""
    found = []
    for title, (places, chances) in zip(titles, model.token_probabilities(titles), strict=True):
        read = readable(title)
        spans = decoded(places, chances)
        valued = (_valued(read, span, sure, rules) for span, sure in spans)
        found.append(tuple(one for one in valued if one is not None))
    return found


def _spans(product: Product, blind: Extractor) -> tuple[Span, ...]:
    spans = [
        Span(one.start, one.end, one.name)
        for one in extract(product.title, blind)
        if one.name in NAMES and is_right(one.value, product.truth.get(one.name, frozenset()))
    ]
    name = readable(product.supplier)
    pattern = rf"(?<!\w){re.escape(name)}(?!\w)"
    if name and (at := re.search(pattern, readable(product.title), re.IGNORECASE)):
        spans.append(Span(at.start(), at.end(), "brand"))
    return tuple(spans)


def decoded(places: np.ndarray, chances: np.ndarray) -> list[tuple[Span, float]]:
    """Spans of tokens of one kind in a row; a brand's first span only."""
    marks = chances.argmax(1) if len(chances) else np.empty(0, int)
    spans: list[tuple[Span, float]] = []
    open_kind = -1
    for place, mark in enumerate(marks):
        kind, is_begin = (int(mark) - 1) // 2, int(mark) % 2 == 1
        start, end = int(places[place, 0]), int(places[place, 1])
        sure = float(chances[place, mark])
        if mark == 0:
            open_kind = -1
        elif kind == open_kind and (not is_begin or start == spans[-1][0].end):
            last, before = spans[-1]
            spans[-1] = (Span(last.start, end, NAMES[kind]), min(before, sure))
        elif NAMES[kind] == "brand" and any(span.label == "brand" for span, _ in spans):
            open_kind = -1
        else:
            spans.append((Span(start, end, NAMES[kind]), sure))
            open_kind = kind
    return spans


def _valued(read: str, span: Span, sure: float, rules: Rules) -> Attribute | None:
    text = read[span.start : span.end]
    value: float | str | None = text
    unit = ""
    if span.label == "colour":
        value = rules.colours.get(text.casefold(), text.casefold())
    elif span.label != "brand":
        screen = " lcd" if span.label == "screen_size" else ""  # an inch, once known to be a screen
        named = [
            one for one in find_measures(text + screen, rules.measures) if one.name == span.label
        ]
        value, unit = (named[0].value, named[0].unit) if named else (None, "")
    if value is None:
        return None
    return Attribute(span.label, span.start, span.end, text, value, unit, sure, "tagger")
