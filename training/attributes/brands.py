"""A gazetteer of brands learned from a catalogue, and where a title names one of them. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from training.attributes.measures import Found
from training.encoder.readable import readable

MIN_SUPPORT = 3  # titles that begin with words before those words stand for a supplier
MIN_SHARE = 0.9  # of the titles that begin so, which are that supplier's
MIN_ALIKE = 5  # unlabelled titles that begin with a word, for the next word to be judged
MIN_NEXT = 0.95  # of these that go on with one next word, for it to belong to the brand
MOST_READ = 40  # words of a title among which a brand is looked for
MOST_WORDS = 4  # of a name; longer are sentences

_WORD = re.compile(r"[\w.&+'-]*\w", re.UNICODE)


@dataclass(frozen=True)
class Brands:
    """``names`` are found anywhere as written; ``openings`` only where a title begins."""

    names: Mapping[str, str] = field(default_factory=dict)  # a name as written: the brand
    openings: Mapping[str, str] = field(default_factory=dict)  # words in small letters: the brand
    is_first_word: bool = False  # an unknown brand is the title's first word in this catalogue
    guessed: Mapping[str, str] = field(default_factory=dict)  # first words of unlabelled titles
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


def guess_brands(titles: Sequence[str]) -> dict[str, str]:
    """First words of titles whose supplier nobody told, in small letters: the brand they may be.

    A first word that nearly always goes on with the same next word is a brand of several words.
    """
    begins: dict[str, list[list[str]]] = defaultdict(list)
    for title in titles:
        if words := _words(readable(title)):
            begins[words[0].casefold()].append(words)
    guessed = {}
    for alike in begins.values():
        if len(alike) < MIN_ALIKE or alike[0][0][0].isdigit():
            continue
        count = 1
        while count < MOST_WORDS:
            following = Counter(words[count] if len(words) > count else "" for words in alike)
            word, often = following.most_common(1)[0]
            if not word.isalpha() or often < MIN_NEXT * len(alike):
                break
            count += 1
        name = Counter(" ".join(words[:count]) for words in alike).most_common(1)[0][0]
        guessed[name.casefold()] = name
    return dict(sorted(guessed.items()))


def find_brand(read: str, brands: Brands, for_others: Sequence[str]) -> Found | None:
    """The brand a title begins with, else the first one it names that is not another item's.

    Where titles begin with their brand, an unknown first word says more than a known name inside.
    """
    places = [match.span() for match in _WORD.finditer(read)][:MOST_READ]
    if not places:
        return None
    if found := _at_start(read, places, brands.openings, "opening", brands.longest):
        brand = str(found.value)
        is_named = read[found.start :].casefold().startswith(brand.casefold())
        return replace(found, end=found.start + len(brand)) if is_named else found
    if brands.is_first_word and not read[places[0][0]].isdigit():
        start, end = places[0]
        first = Found("brand", start, end, read[start:end], "", "first word")
        return _at_start(read, places, brands.guessed, "guessed", MOST_WORDS) or first
    return _inside(read, places, brands, for_others)


def _at_start(
    read: str, places: list[tuple[int, int]], names: Mapping[str, str], way: str, longest: int
) -> Found | None:
    """The longest of ``names`` that the title begins with."""
    for count in range(min(longest, len(places)), 0, -1):
        start, end = places[0][0], places[count - 1][1]
        if brand := names.get(" ".join(read[start:end].split()).casefold()):
            return Found("brand", start, end, brand, "", way)
    return None


def _inside(
    read: str, places: list[tuple[int, int]], brands: Brands, for_others: Sequence[str]
) -> Found | None:
    """The first name as written that no word before it gives to another item."""
    for first in range(1, len(places)):
        if is_of_another(read[: places[first][0]], for_others):
            continue
        for count in range(min(brands.longest, len(places) - first), 0, -1):
            start, end = places[first][0], places[first + count - 1][1]
            if brand := brands.names.get(read[start:end]):
                return Found("brand", start, end, brand, "", "inside")
    return None


def is_of_another(before: str, for_others: Sequence[str]) -> bool:
    """Whether the words ``before`` a brand say that the item only fits it: "equivalent to"."""
    end = f" {before.casefold().rstrip()}"
    return any(end.endswith(one) and not end[-len(one) - 1].isalnum() for one in for_others)


def _words(read: str) -> list[str]:
    return [match[0] for match in _WORD.finditer(read)]
