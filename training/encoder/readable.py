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
    folded = unicodedata.normalize("NFKC", text[: 4 * limit])
    spaced = _SPACE.sub(" ", folded)
    if not spaced.isascii() or not spaced.isprintable():
        spaced = "".join(c for c in spaced if unicodedata.category(c) not in _UNSEEN)
    return spaced.strip()[:limit].rstrip()
