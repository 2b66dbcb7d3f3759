"""From a title to typed attributes: brand, colour, sizes, pack count, capacity, screen and power.

Rules in YAML (units, colours, contexts) and a gazetteer of brands that a catalogue taught. Each
attribute keeps the characters of ``readable(text)`` it was read from, its value in one unit, and a
confidence: how often that way of reading was right on the catalogue that taught it. A value beside
others of its attribute is read in a way of its own: two capacities are hardly ever both the item's.
Knows no files.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from training.attributes.brands import Brands, find_brand
from training.attributes.measures import Found, Measures, find_measures
from training.encoder.readable import readable

MOST_ATTRIBUTES = 50  # a listing that names more is a list, not an item
MOST_CHARACTERS = 1_000  # of a listing's text that are read: titles are shorter
TOLERANCE = 0.03  # numbers that catalogues round: 6 ft is written as 1.8 m
OF_SEVERAL = " of several"  # ends the way of a value that is not its attribute's only one
Value = float | str


@dataclass(frozen=True)
class Attribute:
    """``text`` stands at ``start``..``end``; ``value`` is a number of ``unit``, or a name."""

    name: str
    start: int
    end: int
    text: str
    value: Value
    unit: str
    confidence: float
    way: str = ""  # which rule read it; confidence is learned by way


@dataclass(frozen=True)
class Rules:
    """What is known of language before any catalogue is seen."""

    measures: Measures
    colours: Mapping[str, str]  # a spelling, in small letters: the colour's name
    not_colours: tuple[str, ...]  # names with a colour's word in them
    for_others: tuple[str, ...]
    priors: Mapping[str, float]  # by "attribute/way", else by attribute

    def __post_init__(self) -> None:
        spelt = [*self.colours, *self.not_colours]
        longest = sorted(spelt, key=lambda word: (-len(word), word))
        pattern = rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-]*\w)"
        object.__setattr__(self, "colour_pattern", re.compile(pattern, re.IGNORECASE))

    colour_pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)


@dataclass(frozen=True)
class Extractor:
    """Rules, and what a catalogue taught: its brands and how often each way of reading is right."""

    rules: Rules
    brands: Brands = field(default_factory=Brands)
    precision: Mapping[str, float] = field(default_factory=dict)

    def confidence(self, name: str, way: str) -> float:
        key = f"{name}/{way}"
        return self.precision.get(key, self.prior(name, way))

    def prior(self, name: str, way: str) -> float:
        """How sure a way of reading is before this catalogue has judged it."""
        priors = self.rules.priors
        return priors.get(f"{name}/{way}", priors.get(name, 0.5))


def extract(text: str, extractor: Extractor) -> tuple[Attribute, ...]:
    """The attributes that a title, or a title with its package size, states; in text order."""
    read = readable(text, MOST_CHARACTERS)
    found = [*find_measures(read, extractor.rules.measures), *_colours(read, extractor.rules)]
    if brand := find_brand(read, extractor.brands, extractor.rules.for_others):
        found.append(brand)
    found.sort(key=lambda one: (one.start, one.end, one.name))
    kept = found[:MOST_ATTRIBUTES]
    values: dict[str, set[Value]] = {}
    for one in kept:
        values.setdefault(one.name, set()).add(one.value)
    lone = {name for name, stated in values.items() if is_one_value(stated)}
    return tuple(
        Attribute(
            name=one.name,
            start=one.start,
            end=one.end,
            text=read[one.start : one.end],
            value=one.value,
            unit=one.unit,
            confidence=extractor.confidence(one.name, way),
            way=way,
        )
        for one in kept
        for way in [one.way if one.name in lone else one.way + OF_SEVERAL]
    )


def values_of(attributes: tuple[Attribute, ...], name: str) -> frozenset[Value]:
    """The distinct values stated of one attribute."""
    return frozenset(one.value for one in attributes if one.name == name)


def is_one_value(values: Collection[Value]) -> bool:
    """One name, or numbers alike within what catalogues round: 6 ft and 1.8 m."""
    numbers = [one for one in values if isinstance(one, float)]
    if len(numbers) < len(values):
        return len(values) == 1
    return max(numbers) - min(numbers) <= TOLERANCE * max(numbers)


def _colours(read: str, rules: Rules) -> list[Found]:
    """Colour words; a longer name is tried before the shorter one within it."""
    return [
        Found("colour", at.start(), at.end(), colour, "", "word")
        for at in rules.colour_pattern.finditer(read)
        if (colour := rules.colours.get(at[0].casefold()))
    ]
