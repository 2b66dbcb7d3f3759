"""The words that lexical search compares: runs of letters and digits in one form. Pure.

Folded is only the plural's s (two rules below), since longer rules of one language harm the words
of another. In scripts that write no spaces each character is a word, which finds what longer words
would and ranks by how many agree.
"""

import re
from collections.abc import Iterable

from training.encoder.readable import readable

MOST_WORDS = 64  # distinct ones of a query: nobody types more, and each costs a look-up
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿豈-﫿฀-๿]")  # kana, Han, Thai


def words_of(text: object) -> list[str]:
    """The words of a text in order, each as often as it stands there."""
    found: list[str] = []
    for word in _WORD.findall(readable(text).casefold()):
        if _UNSPACED.search(word):
            found += [part for part in _UNSPACED.sub(r" \g<0> ", word).split() if part]
        else:
            found.append(folded(word))
    return found


def folded(word: str) -> str:
    """Without the s of a plural: cables, batteries; not of glass, bus or of a code with digits.

    Cookies and batteries end alike, so cookie and battery do too.
    """
    if len(word) > 4 and word.isalpha() and word.endswith("ie"):
        return f"{word[:-2]}y"
    if len(word) < 4 or not word.endswith("s") or word[-2] in "sui" or not word.isalpha():
        return word
    return f"{word[:-3]}y" if word.endswith("ies") and len(word) > 4 else word[:-1]


def distinct(words: Iterable[str], most: int = MOST_WORDS) -> list[str]:
    """Each word once, in order of appearance, at most ``most``."""
    return list(dict.fromkeys(words))[:most]
