"""A gazetteer of brands learned from a catalogue, and where a title names one of them. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from training.attributes.measures import Found
from training.encoder.readable import readable

MIN_SUPPORT = 3  # titles that begin with words before those words stand for a supplier
MIN_SHARE = 0.9  # of the titles that begin so, which are that supplier's
MOST_WORDS = 4  # of a name; longer are sentences

_WORD = re.compile(r"[\w.&+'-]*\w", re.UNICODE)


@dataclass(frozen=True)
class Brands:
    """``names`` are found anywhere as written; ``openings`` only where a title begins."""

    names: Mapping[str, str] = field(default_factory=dict)  # a name as written: the brand
    openings: Mapping[str, str] = field(default_factory=dict)  # words in small letters: the brand
    is_first_word: bool = False  # an unknown brand is the title's first word in this catalogue
    longest: int = 0  # words of the longest name


def learn_brands(titles: Sequence[str], suppliers: Sequence[str]) -> Brands:
    """Names as suppliers write them, and the words that a supplier's titles begin with."""
    begins: dict[str, Counter[str]] = defaultdict(Counter)
    names: Counter[str] = Counter()
    for title, supplier in zip(titles, suppliers, strict=True):
        brand = readable(supplier)
        if not brand:
            continue
        names[brand] += 1
        words = _words(readable(title))
        for count in range(1, min(len(words), MOST_WORDS) + 1):
            begins[" ".join(words[:count]).casefold()][brand] += 1
    openings = {name.casefold(): name for name in names}
    for opening, counted in sorted(begins.items()):
        brand, most = counted.most_common(1)[0]
        if most >= MIN_SUPPORT and most / counted.total() >= MIN_SHARE and not opening.isdigit():
            openings.setdefault(opening, brand)
    written = {name: name for name in sorted(names) if len(name) > 1 and not name.isdigit()}
    longest = max((len(_words(one)) for one in [*written, *openings]), default=0)
    return Brands(written, openings, longest=longest)


def first_word_share(titles: Sequence[str], suppliers: Sequence[str]) -> float:
    """How often a title's first word is its whole brand."""
    right = [
        (first := _words(readable(title))[:1]) and first[0].casefold() == brand.casefold()
        for title, supplier in zip(titles, suppliers, strict=True)
        if (brand := readable(supplier))
    ]
    return sum(map(bool, right)) / max(len(right), 1)


def find_brand(read: str, brands: Brands, for_others: Sequence[str]) -> Found | None:
    """The brand a title begins with, else the first one it names that is not another item's.

    Where titles begin with their brand, an unknown first word says more than a known name inside.
    """
    places = [match.span() for match in _WORD.finditer(read)]
    for count in range(min(brands.longest, len(places)), 0, -1):
        start, end = places[0][0], places[count - 1][1]
        if brand := brands.openings.get(" ".join(read[start:end].split()).casefold()):
            if read[start:end].casefold().startswith(brand.casefold()):
                end = start + len(brand)
            return Found("brand", start, end, brand, "", "opening")
    if brands.is_first_word and places and not read[slice(*places[0])][0].isdigit():
        start, end = places[0]
        return Found("brand", start, end, read[start:end], "", "first word")
    for first in range(1, len(places)):
        before = read[: places[first][0]].casefold().split()[-1:]
        if before and before[0] in for_others:
            continue
        for count in range(min(brands.longest, len(places) - first), 0, -1):
            start, end = places[first][0], places[first + count - 1][1]
            if brand := brands.names.get(read[start:end]):
                return Found("brand", start, end, brand, "", "inside")
    return None


def _words(read: str) -> list[str]:
    return [match[0] for match in _WORD.finditer(read)]
