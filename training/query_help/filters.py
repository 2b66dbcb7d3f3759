"""What a query says as a condition: price, stock, brand, category, attributes. The rest is text.

Careful: a word becomes a filter only where it can mean one thing. A name counts where nearly all
titles with it are of that brand, category or value (``filter_lesson.py``); what is less sure stays
a word and is told as a preference. A number without currency is a price only where nothing follows
it, and one in another currency stays text. Pure; knows no files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from training.attributes.brands import is_of_another
from training.attributes.measures import Found, Measures, find_measures
from training.encoder.readable import readable
from training.query_help.words import MOST_QUERY, folded, placed_words

Op = Literal["=", "<", "<=", ">", ">="]
Value = float | str | bool

PRICE, STOCK = "price", "is_in_stock"
BRAND, CATEGORY = "brand", "category"
MOST_FILTERS = 12  # of a query; more is no query
ALIKE = 0.02  # of a number: catalogues round
_CURRENCIES = {
    "$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "bucks": "USD", "€": "EUR",
    "eur": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "gbp": "GBP", "pounds": "GBP",
}  # fmt: skip
_BELOW = r"under|below|less than|cheaper than|lower than|no more than|not over|at most|up to"
_ABOVE = r"over|above|more than|at least|no less than|starting at|from"
_AMOUNT = r"(?:\d{1,3}(?:,\d{3})+|\d{1,7})(?:\.\d{1,2})?"
_SIGN, _WORDS = r"[$€£]", r"usd|dollars?|bucks|eur|euros?|gbp|pounds"


def _money(name: str) -> str:
    """An amount with its currency before or behind it, as groups that begin with ``name``."""
    sign = rf"(?:(?P<{name}sign>{_SIGN})\s?)?"
    word = rf"(?:\s?(?P<{name}word>{_SIGN}|(?:{_WORDS})\b))?"
    return rf"{sign}(?P<{name}amount>{_AMOUNT}){word}(?![\w%])(?!\.\d)"


_COMPARED = rf"(?<![\w-])(?:(?P<below>{_BELOW})|(?P<above>{_ABOVE}))\s+"
_ONE = re.compile(_COMPARED + _money(""))
_TWO = re.compile(rf"(?<![\w-])(?:between\s+)?{_money('a_')}\s*(?:and|to|-)\s*{_money('b_')}")
_BEFORE = re.compile(f"{_COMPARED}$")
_STOCK = re.compile(r"(?<![\w-])(?:in stock|in-stock|available now)(?![\w-])")
_NOT_BEFORE = re.compile(r"(?:\b(?:not|no|without|out of)\s+)$")
_END = re.compile(r"\s*(?:$|,|(?:and|or|with|in stock)\b)")
_STRICTLY_BELOW = frozenset({"less than", "cheaper than", "lower than", "under", "below"})


@dataclass(frozen=True)
class Filter:
    """Items whose ``field`` stands in ``op`` to ``value``; ``words`` are those it was read from."""

    field: str
    op: Op
    value: Value
    unit: str = ""
    words: str = ""


@dataclass(frozen=True)
class Name:
    """A phrase that names a ``value`` of ``field`` in ``share`` of the titles that have it."""

    field: str
    value: str
    share: float
    titles: int


@dataclass(frozen=True)
class Asked:
    """A query as conditions and text; ``preferences`` raise an item and exclude none."""

    query: str
    text: str
    filters: tuple[Filter, ...] = ()
    preferences: tuple[Filter, ...] = ()


@dataclass(frozen=True)
class FilterWords:
    """The names that a catalogue taught, its numbers by attribute, units, and its currency."""

    names: Mapping[str, Name]  # by phrase in small letters
    numbers: Mapping[str, tuple[float, ...]]  # of an attribute: its values, sorted
    measures: Measures
    for_others: tuple[str, ...] = ()  # words after which a brand is another item's
    sure: float = 0.9  # share of titles from which a name is a filter
    likely: float = 0.5  # from which it is a preference
    currency: str = "USD"
    longest: int = field(default=4)  # words of a name


@dataclass(frozen=True)
class _Part:
    """Characters of the query that a filter was read from."""

    start: int
    end: int
    filters: tuple[Filter, ...]
    is_sure: bool = True


def read_filters(query: str, words: FilterWords) -> Asked:
    """The conditions of a query and the text that is left to search for."""
    text = readable(query, MOST_QUERY)
    small = folded(text)
    if len(small) != len(text):  # a letter that grows when folded: places would not agree
        text = small
    parts: list[_Part] = []
    for found in (_prices(small, text, words), _stock(small), _sizes(small, text, words)):
        parts += [part for part in found if not _overlaps(part, parts)]
    named = [part for part in _names(small, words) if not _overlaps(part, parts)]
    parts = sorted([*parts, *_unambiguous(named)], key=lambda part: part.start)[:MOST_FILTERS]
    sure = [part for part in parts if part.is_sure]
    left = _without(text, sure)
    if not placed_words(left):  # a query of names alone still needs words to be searched by
        left = _without(text, [part for part in sure if part.filters[0].field in (PRICE, STOCK)])
    return Asked(
        query=query,
        text=left,
        filters=tuple(one for part in sure for one in part.filters),
        preferences=tuple(one for part in parts if not part.is_sure for one in part.filters),
    )


def _prices(small: str, text: str, words: FilterWords) -> Iterator[_Part]:
    measured = find_measures(text, words.measures)
    for at in _TWO.finditer(small):
        told = {_currency(at, "a_"), _currency(at, "b_")} - {""}
        is_bare = (
            not told
            and at[0].startswith("between")
            and _END.match(small, at.end()) is not None
            and not _is_measured(at.start("b_amount"), measured)
        )
        low, high = _number(at["a_amount"]), _number(at["b_amount"])
        if (told == {words.currency} or is_bare) and low <= high:
            spoken = text[at.start() : at.end()]
            pair = (_price(">=", low, spoken, words), _price("<=", high, spoken, words))
            yield _Part(at.start(), at.end(), pair)
    for at in _ONE.finditer(small):
        told_one, number = _currency(at, ""), at.start("amount")
        is_bare = not told_one and at["above"] != "from" and _END.match(small, at.end()) is not None
        if told_one != words.currency and (not is_bare or _is_measured(number, measured)):
            continue
        op = _operator(at)
        one = _price(op, _number(at["amount"]), text[at.start() : at.end()], words)
        yield _Part(at.start(), at.end(), (one,))


def _operator(at: re.Match[str]) -> Op:
    if at["below"]:
        return "<" if at["below"] in _STRICTLY_BELOW else "<="
    return ">" if at["above"] in ("over", "above", "more than") else ">="


def _price(op: Op, amount: float, spoken: str, words: FilterWords) -> Filter:
    return Filter(PRICE, op, amount, words.currency, spoken)


def _currency(at: re.Match[str], which: str) -> str:
    told = {_CURRENCIES[one] for one in (at[f"{which}sign"], at[f"{which}word"]) if one}
    return told.pop() if len(told) == 1 else ("?" if told else "")


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _is_measured(place: int, measured: Sequence[Found]) -> bool:
    return any(one.start <= place < one.end for one in measured)


def _stock(small: str) -> Iterator[_Part]:
    for at in _STOCK.finditer(small):
        if not _NOT_BEFORE.search(small[: at.start()]):
            yield _Part(at.start(), at.end(), (Filter(STOCK, "=", True, words=at[0]),))


def _sizes(small: str, text: str, words: FilterWords) -> Iterator[_Part]:
    """Numbers with units: compared where a word says so, else a value that the catalogue has."""
    for one in find_measures(text, words.measures):
        if one.name not in words.numbers or not isinstance(one.value, float):
            continue
        at = _BEFORE.search(small[: one.start])
        start = at.start() if at else one.start
        is_known = any(abs(one.value - n) <= ALIKE * abs(n) for n in words.numbers[one.name])
        if at or is_known:
            op: Op = _operator(at) if at else "="
            found = Filter(one.name, op, one.value, one.unit, text[start : one.end])
            yield _Part(start, one.end, (found,))


def _names(small: str, words: FilterWords) -> Iterator[_Part]:
    """The longest names first; a name after ``for`` is another item's and stays a word."""
    placed = placed_words(small)
    at = 0
    while at < len(placed):
        for count in range(min(words.longest, len(placed) - at), 0, -1):
            run = placed[at : at + count]
            name = words.names.get(" ".join(word.text for word in run))
            if name is None or name.share < words.likely:
                continue
            before = small[: run[0].start]
            is_sure = name.share >= words.sure and not is_of_another(before, words.for_others)
            spoken = small[run[0].start : run[-1].end]
            one = Filter(name.field, "=", name.value, words=spoken)
            yield _Part(run[0].start, run[-1].end, (one,), is_sure)
            at += count - 1
            break
        at += 1


def _unambiguous(named: Sequence[_Part]) -> Iterator[_Part]:
    """Two values of one field exclude each other as filters: then both are preferences."""
    values: dict[str, set[Value]] = {}
    for part in named:
        if part.is_sure:
            values.setdefault(part.filters[0].field, set()).add(part.filters[0].value)
    for part in named:
        is_alone = len(values.get(part.filters[0].field, ())) == 1
        yield _Part(part.start, part.end, part.filters, part.is_sure and is_alone)


def _overlaps(part: _Part, others: Sequence[_Part]) -> bool:
    return any(part.start < other.end and other.start < part.end for other in others)


def _without(text: str, parts: Sequence[_Part]) -> str:
    for part in reversed(parts):
        text = f"{text[: part.start]} {text[part.end :]}"
    return " ".join(text.split())
