"""Repairs of how a text is written: markup, capitals, units, repetitions. Text in, text out; pure.

Each gives the text as it should be; the same text where nothing is to be done.
"""

import re

from training.listing_quality.rules import decoded
from training.listing_quality.word_statistics import Vocabulary
from training.listing_repairs.knowledge import Habits

_UNITS = {
    "kb": "KB", "mb": "MB", "gb": "GB", "tb": "TB", "khz": "kHz", "mhz": "MHz", "ghz": "GHz",
    "kg": "kg", "mg": "mg", "ml": "ml", "cl": "cl", "mm": "mm", "cm": "cm", "km": "km",
    "kw": "kW", "kva": "kVA", "va": "VA", "mah": "mAh", "oz": "oz", "lb": "lb", "l": "L",
}  # fmt: skip
_AMBIGUOUS = frozenset({"Mb", "Gb", "Kb", "kb", "l"})  # megabits are no megabytes; l may be a one
_MEASURE = re.compile(
    rf"(?<![\w.,/-])(\d+)([.,]\d{{1,2}})?(\s?)({'|'.join(_UNITS)})(?![\w/-])", re.I
)
_SPACED_FROM = 0.5  # share of a unit's numbers that stand apart, for a space to be put
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SHORT = 3  # letters: shorter words in capitals are codes or abbreviations
_SMALL = frozenset({"and", "for", "with", "the", "of", "in", "to", "by", "on", "or"})


def without_markup(text: str) -> str:
    """Tags gone, entities read, spaces single; ``**`` gone."""
    clean = decoded(text)
    return clean if clean != " ".join(text.split()) else text


def without_shouting(text: str, vocabulary: Vocabulary, habits: Habits) -> str:
    """Words as the catalogue writes them, else with one capital; exclamation marks in a row go.

    Where the catalogue's titles are in capitals, words stay as they are.
    """

    def spoken(at: re.Match[str]) -> str:
        word = at[0]
        if not word.isupper() or len(word) < 2 or _touches_digit(at):
            return word
        small = word.casefold()
        if form := vocabulary.forms.get(small):
            return form
        if small in _SMALL:
            return small
        return word if len(word) <= _SHORT else word.capitalize()

    quiet = text if habits.is_loud else _WORD.sub(spoken, text)
    return re.sub(r"\s*!{2,}", "", quiet).strip()


def with_units(text: str, habits: Habits) -> str:
    """``500gb`` as ``500 GB``, ``1,5 ML`` as ``1.5 ml``; a spelling of two meanings stays."""

    def normal(at: re.Match[str]) -> str:
        whole, part, space, unit = at.groups()
        small = unit.casefold()
        spelt = unit if habits.is_loud else _UNITS[small]
        if unit in _AMBIGUOUS and not (unit == "l" and part):
            return at[0]
        if spelt == unit and "," not in (part or ""):
            return at[0]  # a space more or less is no fault
        is_spaced = bool(space) or habits.spaced_units.get(small, 1.0) >= _SPACED_FROM
        return f"{whole}{(part or '').replace(',', '.')}{' ' if is_spaced else ''}{spelt}"

    return _MEASURE.sub(normal, text)


def without_repetition(text: str) -> str:
    """A phrase of three words or more that stands twice in a row stands once."""
    words = text.split(" ")
    folded = [word.casefold().strip(",-|") for word in words]
    for size in range(len(words) // 2, 2, -1):
        for at in range(len(words) - 2 * size + 1):
            for gap in (0, 1):
                again = at + size + gap
                is_mark = gap == 0 or (again <= len(words) and not folded[again - 1])
                phrase = folded[at : at + size]
                is_all = at == 0 and again + size == len(words)
                is_twice = is_mark and phrase == folded[again : again + size]
                if is_twice and (is_all or _is_telling(phrase)):
                    return " ".join([*words[: at + size], *words[again + size :]])
    return text


def _is_telling(phrase: list[str]) -> bool:
    """At least three words, two of them plain: ``1 x RJ-45`` may well stand for each end."""
    return (
        sum(map(bool, phrase)) > 2 and sum(word.isalpha() and len(word) > 2 for word in phrase) > 1
    )


def _touches_digit(at: re.Match[str]) -> bool:
    """Whether letters are part of a code: ``CE285A``, ``MS-DOS6``."""
    around = at.string[max(at.start() - 2, 0) : at.start()] + at.string[at.end() : at.end() + 2]
    return any(letter.isdigit() for letter in around.replace(" ", ""))
