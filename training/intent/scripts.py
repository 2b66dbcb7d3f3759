"""Which scripts a model of intents was taught, and whether a query is in one of them. Pure.

A network gives a probability to any text. A query in letters that no taught query has would be
guessed, so it does not count (``model.py``). A script is the first word of its letters' Unicode
names: LATIN, CYRILLIC, CJK, HANGUL.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable

from training.encoder.readable import readable

LATIN = "LATIN"  # what is taught where no card says otherwise
_LEAST = 0.02  # of all taught letters; a brand name in other letters teaches no language


def scripts_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The scripts that enough letters of the texts are in, by name; Latin where there are none."""
    counts = Counter(
        script_of(letter) for text in texts for letter in readable(text) if letter.isalpha()
    )
    enough = _LEAST * counts.total()
    return tuple(sorted(name for name, count in counts.items() if count >= enough)) or (LATIN,)


def script_of(letter: str) -> str:
    """The script of one letter; empty where Unicode names none."""
    return unicodedata.name(letter, "").partition(" ")[0]


def unread_because(query: str, scripts: tuple[str, ...] = (LATIN,)) -> str:
    """Why a model of these scripts cannot read a query; empty where it can, or there is none."""
    seen = readable(query)
    letters = [letter for letter in seen if letter.isalpha()]
    if 2 * sum(script_of(letter) in scripts for letter in letters) < len(letters):
        taught = " or ".join(name.title() if name != "CJK" else name for name in scripts)
        return f"the query is not in {taught} script and does not count"
    if query and not any(character.isalnum() for character in seen):
        return "the query has no letters or digits and does not count"
    return ""
