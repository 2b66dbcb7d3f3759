"""Learn from a catalogue which phrases name a brand, a category or a value, and how surely. Pure.

A phrase's share: of the titles that have it and whose field is known, how many have that value.
``Apple`` in titles of cases for Apple's phones has a low share, and so stays a word.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from training.attributes.model import Extractor as Reader
from training.attributes.model import Rules, extract
from training.query_help.filters import BRAND, CATEGORY, FilterWords, Name
from training.query_help.words import phrases_of, words_of

MIN_TITLES = 5  # with a phrase, for its share to say anything
LONGEST = 4  # words of a name
MIN_NUMBERS = 3  # titles that state a number's attribute before queries may filter by it


@dataclass(frozen=True)
class CatalogueItem:
    """What is known of a listing; ``attributes`` are names by field: ``{"colour": "Black"}``."""

    item_id: str
    title: str
    brand: str = ""
    category: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def learn_filters(items: Sequence[CatalogueItem], rules: Rules) -> FilterWords:
    """The names and numbers of a catalogue."""
    meant = _values(items)
    judged: Counter[tuple[str, str]] = Counter()  # phrase, field: titles whose field is known
    right: Counter[tuple[str, str]] = Counter()  # of these: the field's value has these words
    spelt: Counter[tuple[str, str, str]] = Counter()  # how that value is written
    for item in items:
        own = set(_fields(item))
        known = {name for name, _ in own}
        phrases = {text for _, text in phrases_of(words_of(item.title), LONGEST)}
        for phrase in phrases & meant.keys():
            judged.update((phrase, name) for name in known)
            told = own & meant[phrase]
            right.update({(phrase, name) for name, _ in told})
            spelt.update((phrase, *one) for one in told)
    names = {}
    for phrase in sorted(meant):
        if name := _name(phrase, meant[phrase], spelt, right, judged):
            names[phrase] = name
    return FilterWords(
        names=names,
        numbers=_numbers(items, rules),
        measures=rules.measures,
        for_others=rules.for_others,
        longest=max((len(phrase.split()) for phrase in names), default=1),
    )


def classes_of(items: Sequence[CatalogueItem]) -> dict[str, str]:
    """Of every brand and attribute's value its field: two of one field are never synonyms."""
    return {
        " ".join(words_of(value)): name
        for item in items
        for name, value in _fields(item)
        if name != CATEGORY  # couches and sofas are two categories of some shop, and one thing
    }


def _values(items: Sequence[CatalogueItem]) -> dict[str, set[tuple[str, str]]]:
    """Of each phrase what it may mean."""
    meant: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for item in items:
        for name, value in _fields(item):
            words = words_of(value)
            if 0 < len(words) <= LONGEST and any(word.isalpha() for word in words):
                meant[" ".join(words)].add((name, value))
    return meant


def _name(
    phrase: str,
    meant: set[tuple[str, str]],
    spelt: Mapping[tuple[str, str, str], int],
    right: Mapping[tuple[str, str], int],
    judged: Mapping[tuple[str, str], int],
) -> Name | None:
    """What the phrase most often means; a name of several words needs no titles to be clear."""

    def ranks(one: tuple[str, str]) -> tuple[int, int, tuple[str, str]]:
        return -right.get((phrase, one[0]), 0), -spelt.get((phrase, *one), 0), one

    name, value = min(meant, key=ranks)  # the most frequent spelling; all compare alike
    titles = judged.get((phrase, name), 0)
    if titles >= MIN_TITLES:
        return Name(name, value, round(right.get((phrase, name), 0) / titles, 4), titles)
    rest = {other for other, _ in meant} - {name}
    is_clear = not rest and " " in phrase and name in (BRAND, CATEGORY) and not titles
    return Name(name, value, 1.0, titles) if is_clear else None


def _fields(item: CatalogueItem) -> list[tuple[str, str]]:
    told = [(BRAND, item.brand), (CATEGORY, item.category), *item.attributes.items()]
    return [(name, value) for name, value in told if value]


def _numbers(items: Sequence[CatalogueItem], rules: Rules) -> dict[str, tuple[float, ...]]:
    """The numbers that titles state, by attribute: a query for one of them can be a filter."""
    reader = Reader(rules)
    found: dict[str, list[float]] = defaultdict(list)
    for item in items:
        for one in extract(item.title, reader):
            if isinstance(one.value, float):
                found[one.name].append(one.value)
    kept = {name: values for name, values in found.items() if len(values) >= MIN_NUMBERS}
    return {name: tuple(sorted(set(values))) for name, values in sorted(kept.items())}
