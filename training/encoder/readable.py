"""Text as a model may read it: one form for each character, nothing invisible, no endless strings.

Dimensions: none. Pure; knows no files. Every text task passes what people wrote through here, so
that zero-width letters, right-to-left marks or a title of a megabyte change nothing downstream.
"""

import re
import unicodedata

MOST_CHARACTERS = 4_000  # a tokenizer cuts at 512 words: more would be wasted time
_SPACE = re.compile(r"\s+")
_UNSEEN = frozenset(
    {"Cf", "Cc", "Cs", "Co", "Cn"}
)  # format, control, surrogate, private, unassigned


def readable(text: object, limit: int = MOST_CHARACTERS) -> str:
    """NFKC, without what cannot be seen, white space folded, at most ``limit`` characters.

    None and NaN are empty. Tabs and line ends become spaces before invisible characters go.
    """
    if not isinstance(text, str):
        return ""
    seen = _seen(_SPACE.sub(" ", text[: 4 * limit]))  # first: what is unseen may part an accent
    folded = _SPACE.sub(" ", unicodedata.normalize("NFKC", seen))
    return folded.strip()[:limit].rstrip()


def _seen(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if unicodedata.category(c) not in _UNSEEN)
