"""Made-up people, firms, places and trades of varied origins, endless by composing them.

Dimensions: none. The same generator gives the same names; the words they are made of stand in
``words.yaml`` beside this file.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from numpy.random import Generator

_FILE = Path(__file__).parent / "words.yaml"


@cache
def words() -> Mapping[str, tuple[str, ...]]:
    """The lists of ``words.yaml``, read once."""
    found = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {name: tuple(items) for name, items in found.items()}


def pick(draw: Generator, options: tuple[str, ...] | list[str]) -> str:
    """One of them, each as likely."""
    return options[int(draw.integers(len(options)))]


def word(draw: Generator, name: str) -> str:
    """One of a list of ``words.yaml``."""
    return pick(draw, words()[name])


def composed(draw: Generator, ends: str = "") -> str:
    """A capitalised word of one or two syllables nobody listed, with one of the list ``ends``."""
    parts = [
        word(draw, "onsets") + word(draw, "vowels") + word(draw, "codas")
        for _ in range(int(draw.integers(1, 3)))
    ]
    return ("".join(parts) + (word(draw, ends) if ends else "")).capitalize()


def first_name(draw: Generator) -> str:
    """A given name."""
    return composed(draw, "vowels") if draw.random() < 0.3 else word(draw, "first_names")


def last_name(draw: Generator) -> str:
    """A family name."""
    return composed(draw, "last_name_ends") if draw.random() < 0.35 else word(draw, "last_names")


def person(draw: Generator) -> str:
    """A name as people write it: in full, one part, with an initial or two family names."""
    first, last, chance = first_name(draw), last_name(draw), draw.random()
    if chance < 0.22:
        return first
    if chance < 0.36:
        return last
    if chance < 0.5:
        return f"{first} {pick(draw, tuple('ABCDEGHJKLMNPRSTV'))}{pick(draw, ('', '.'))} {last}"
    if chance < 0.56:
        return f"{first} {last}{pick(draw, ('-', ' '))}{last_name(draw)}"
    return f"{first} {last}"


def city(draw: Generator) -> str:
    """A town."""
    chance = draw.random()
    if chance < 0.45:
        return word(draw, "places")
    name = composed(draw, "place_ends")
    return (
        f"{pick(draw, ('Bad', 'San', 'St', 'Nové', 'Le', 'Upper'))} {name}"
        if chance < 0.55
        else name
    )


def place(draw: Generator) -> str:
    """A town or a country."""
    return word(draw, "countries") if draw.random() < 0.4 else city(draw)


def firm(draw: Generator) -> str:
    """An organisation: families' names, plain words, or a coined name, with its kind or not."""
    chance = draw.random()
    if chance < 0.12:
        return f"{last_name(draw)}, {last_name(draw)} and {last_name(draw)}"
    if chance < 0.24:
        return f"{last_name(draw)}-{last_name(draw)}"
    if chance < 0.45:
        name = " ".join(word(draw, "firm_words") for _ in range(int(draw.integers(2, 4))))
    elif chance < 0.6:
        name = composed(draw)
    else:
        stem = word(draw, "firm_stems") if draw.random() < 0.6 else composed(draw)
        name = stem + word(draw, "firm_ends")
    return f"{name} {word(draw, 'firm_kinds')}" if draw.random() < 0.35 else name


def group(draw: Generator) -> str:
    """People of a nation, religion or party, also as many: "Danish", "Swedes", "Kenyans"."""
    name = word(draw, "groups")
    return f"{name}s" if draw.random() < 0.15 and not name.endswith(("s", "sh", "ch")) else name


def title(draw: Generator) -> str:
    """How somebody is addressed, or a trade."""
    return word(draw, "honorifics" if draw.random() < 0.6 else "trades")
