"""Numbers with units in a text: ``43.2 cm (17")``, ``6/12 OZ``, ``1/2 GAL``, ``105x42.3 mm``.

Pure; the table of units comes from rules.yaml. What a number means beyond its unit is decided here
too: an inch may be a screen, an ounce may be poured, and a number before a slash counts packs. A
number that only bounds a range (``UNDER 15LBS``, ``5IN & DOWN``) is read in a way of its own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

METRES_PER_INCH = 0.0254
SCREEN_INCHES = (1.0, 120.0)  # smaller are watches' parts, larger are projections

_INCHES = "(?:[\"”″]|''|′′|’’)"  # noqa: RUF001 - what people type for inches
_INCH = re.compile(rf"(?:in|inch|inches|{_INCHES})$", re.IGNORECASE)
_AMOUNT = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d{1,7}(?:[.,]\d{1,4})?|\.\d{1,4})"
_BEFORE = r"(?<![\w.,])(?<!\w-)(?<!\d/)"  # not within a model's code, nor after 10/
_FRACTION = re.compile(r"^([13])/([2348])$")
_BOUND_BEFORE = re.compile(
    r"(?:\b(?:under|over|below|above|up to|from|at least|at most)|[<>]=?|\d\s*&)\s*$", re.IGNORECASE
)
_BOUND_AFTER = re.compile(
    r"\s*(?:plus|(?:&|and|or)\s*(?:up|down|over|under|above|below|more|less|larger|smaller))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Found:
    """Something read at ``start``..``end``; ``way`` names the rule that read it."""

    name: str
    start: int
    end: int
    value: float | str
    unit: str
    way: str


@dataclass(frozen=True)
class Unit:
    """A spelling means ``factor`` times ``unit`` of the attribute ``name``."""

    name: str
    unit: str
    factor: float


@dataclass(frozen=True)
class Measures:
    """The units and the words that decide between two meanings."""

    units: Mapping[str, Unit]  # by spelling in small letters
    exact: Mapping[str, tuple[str, ...]]
    poured: tuple[str, ...]
    screens: tuple[str, ...]
    not_screens: tuple[str, ...]
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", _pattern(self.units))

    def unit_of(self, spelling: str) -> Unit | None:
        """The unit that a text's spelling means; None where its case means another."""
        plain = '"' if re.fullmatch(_INCHES, spelling) else " ".join(spelling.split())
        small = plain.casefold()
        if plain not in self.exact.get(small, (plain,)):
            return None
        return self.units.get(small)


def find_measures(read: str, measures: Measures) -> list[Found]:
    """Every amount with a unit, of one meaning each."""
    folded = read.casefold()
    is_poured, is_screen = _says(folded, measures.poured), _says(folded, measures.screens)
    if _says(folded, measures.not_screens):
        is_screen = False
    found: list[Found] = []
    for at in measures.pattern.finditer(read):
        unit = measures.unit_of(at["unit"])
        if unit is None or _is_preposition(at, read):
            continue
        found += _meant(at, unit, is_poured=is_poured)
    return list(_screens(found, read, is_screen=is_screen))


def _pattern(units: Mapping[str, Unit]) -> re.Pattern[str]:
    spelt = [re.escape(one).replace(r"\ ", r"\s+") for one in sorted(units, key=len, reverse=True)]
    spelt = [_INCHES if one in ('"', '\\"') else one for one in spelt]
    whole = r"(?:(?P<whole>\d{1,2})[ -](?=[13]/[2348](?!\d)))?"  # 8 1/2
    pack = r"(?:(?P<pack>\d{1,3})\s*(?:[/x*]|-(?=\d))\s*)?"
    more = rf"(?P<more>(?:\s*[x×]\s*{_AMOUNT}){{0,2}})"  # noqa: RUF001 - a multiplication sign too
    unit = rf"[\s-]{{0,4}}(?P<unit>{'|'.join(spelt)})(?![A-Za-z0-9]|/[A-Za-z])"
    return re.compile(rf"{_BEFORE}{whole}{pack}(?P<amount>{_AMOUNT}){more}{unit}", re.IGNORECASE)


def _meant(at: re.Match[str], unit: Unit, *, is_poured: bool) -> Iterator[Found]:
    pack, amount = at["pack"], _number(at["amount"])
    joined = at[0][at.start("pack") - at.start() : at.end("amount") - at.start()] if pack else ""
    joined = joined.replace(" ", "").casefold()
    start = at.start("amount")
    if pack and (fraction := _FRACTION.match(joined)):
        amount = float(at["whole"] or 0) + int(fraction[1]) / int(fraction[2])
        start = at.start()
    elif pack and re.search(r"[x×]", joined) and unit.name == "length":  # noqa: RUF001
        yield _dimensions([float(pack), amount, *_more(at)], at.start(), at.end(), unit)
        return
    elif pack and unit.name not in ("quantity", "mass", "volume"):
        return  # 10/100 MB: two speeds, a range or a code, not a pack of something
    elif pack:
        yield Found("quantity", at.start("pack"), at.end("pack"), float(pack), "count", "pack")
    if more := _more(at):
        yield _dimensions([amount, *more], start, at.end(), unit)
        return
    name, symbol, factor, way = unit.name, unit.unit, unit.factor, "number"
    if at["unit"].casefold() in ("oz", "ozs"):
        way = "ounce"
        if is_poured:
            name, symbol, factor = "volume", "l", 0.0295735296  # a US fluid ounce
    if _is_bound(at):
        way = "bound"
    value = _rounded(amount * factor)
    if value:
        yield Found(name, start, at.end(), value, symbol, way)


def _screens(found: list[Found], read: str, *, is_screen: bool) -> Iterator[Found]:
    """An inch in brackets after its centimetres, or beside words of screens, is a diagonal."""
    for place, one in enumerate(found):
        inches = float(one.value) / METRES_PER_INCH if one.name == "length" else 0.0
        is_inch = inches and _INCH.search(read[one.start : one.end])
        before = found[place - 1] if place else None
        is_pair = before is not None and read[before.end : one.start].strip() == "("
        is_pair = is_pair and before is not None and read[: before.end].casefold().endswith("cm")
        is_fit = SCREEN_INCHES[0] <= inches <= SCREEN_INCHES[1]
        if is_inch and is_fit and (is_pair or is_screen):
            way = "pair" if is_pair else "bound" if one.way == "bound" else "context"
            yield Found("screen_size", one.start, one.end, _rounded(inches), "in", way)
        else:
            yield one


def _dimensions(sides: list[float], start: int, end: int, unit: Unit) -> Found:
    value = " x ".join(f"{_rounded(side * unit.factor):g}" for side in sides)
    name = "dimensions" if unit.name == "length" else unit.name + "_series"
    return Found(name, start, end, value, unit.unit, "number")


def _more(at: re.Match[str]) -> list[float]:
    return [_number(one) for one in re.findall(_AMOUNT, at["more"])]


def _number(text: str) -> float:
    """1,000 is a thousand and 12,5 is twelve and a half."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+", text):
        return float(text.replace(",", ""))
    return float(text.replace(",", "."))


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _is_preposition(at: re.Match[str], read: str) -> bool:
    """3 in 1: a word, not a unit."""
    return at["unit"].casefold() == "in" and bool(re.match(r"\s*-?\s*\d", read[at.end() :]))


def _is_bound(at: re.Match[str]) -> bool:
    """Whether words around the number make it an end of a range, or of a list of numbers."""
    before = at.string[: at.start()]
    return bool(_BOUND_BEFORE.search(before) or _BOUND_AFTER.match(at.string, at.end()))


def _says(folded: str, words: tuple[str, ...]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded) for word in words)
