"""The readable form of a text with the way back: which raw character each one came from.

Dimensions: none. Pure; knows no files. The encoder reads ``readable(text)``, spans are told in the
raw text; between them invisible characters go, widths fold and white space shrinks.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

_UNSEEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})
CAPITAL, LINE = "^", "¶"  # rare in prose, one piece each in BERT's vocabularies
_CAPITAL = re.compile(r"(?<!\w)[^\W\d_]")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")  # printable ASCII, single spaces: its own readable form


@dataclass(frozen=True)
class Aligned:
    """``text`` as a model reads it; character i came from ``starts[i]`` to ``ends[i]``.

    A mark that was put in came from nowhere: it starts and ends at the same place.
    """

    text: str
    starts: tuple[int, ...] | range
    ends: tuple[int, ...] | range

    def raw(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` lies in the raw text; not for an empty part."""
        return self.starts[start], self.ends[end - 1]

    def read(self, start: int, end: int) -> tuple[int, int]:
        """Where ``raw[start:end]`` lies in ``text``; both alike where nothing of it is left."""
        begins = [i for i, e in enumerate(self.ends) if e > start and self.starts[i] < end]
        return (begins[0], begins[-1] + 1) if begins else (0, 0)


def align(text: str) -> Aligned:
    """``readable(text)`` without its limit of characters, and where each character came from."""
    if _PLAIN.fullmatch(text):
        return Aligned(text, range(len(text)), range(1, len(text) + 1))
    pieces = _pieces(text, _clusters(text))
    joined = "".join(c for c, _, _ in pieces)
    if unicodedata.normalize("NFKC", joined) != joined:  # letters that join across clusters
        pieces = _pieces(text, [(i, i + 1) for i in range(len(text))], only_ascii=True)
        joined = "".join(c for c, _, _ in pieces)
    return Aligned(joined, tuple(s for _, s, _ in pieces), tuple(e for _, _, e in pieces))


def with_capitals_marked(aligned: Aligned) -> Aligned:
    """A mark before each word that begins with a capital, for encoders that read lower case only.

    Whether a word is written large says much about names, and such an encoder cannot see it.
    """
    words = _CAPITAL.finditer(aligned.text)
    return _marked(aligned, [m.start() for m in words if m.group().isupper()], CAPITAL)


def with_lines_marked(aligned: Aligned, raw: str) -> Aligned:
    """A mark where a line of the raw text begins: an address has the name on another line."""
    spaces = [at for at, c in enumerate(aligned.text) if c == " "]
    ends = [at for at in spaces if "\n" in raw[aligned.starts[at] : aligned.starts[at + 1]]]
    return _marked(aligned, [at + 1 for at in ends], LINE)


def _marked(aligned: Aligned, places: list[int], mark: str) -> Aligned:
    """``mark`` and a space before the characters at ``places``."""
    text, starts, ends = aligned.text, aligned.starts, aligned.ends
    parts, sources, done = [], [], 0
    for at in places:
        parts += [text[done:at], f"{mark} "]
        sources += [*zip(starts[done:at], ends[done:at], strict=True), *[(starts[at],) * 2] * 2]
        done = at
    parts.append(text[done:])
    sources += zip(starts[done:], ends[done:], strict=True)
    return Aligned("".join(parts), tuple(s for s, _ in sources), tuple(e for _, e in sources))


def _clusters(text: str) -> list[tuple[int, int]]:
    """Parts that normalise together: a character and the marks and unseen ones after it."""
    begins = [
        at
        for at, c in enumerate(text)
        if at == 0 or c.isascii() or not (unicodedata.combining(c) or _is_unseen(c))
    ]
    return list(pairwise([*begins, len(text)]))


def _pieces(
    text: str, parts: list[tuple[int, int]], *, only_ascii: bool = False
) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for start, end in parts:
        part = text[start:end]
        if only_ascii:
            part = part if part.isascii() or part.isspace() or _is_unseen(part) else "?"
        elif not part.isascii() or not part.isprintable():
            part = "".join(" " if c.isspace() else c for c in part)
            part = unicodedata.normalize("NFKC", "".join(c for c in part if not _is_unseen(c)))
        for c in part:
            if c.isspace():
                if found and found[-1][0] != " ":
                    found.append((" ", start, end))
            elif not _is_unseen(c):
                found.append((c, start, end))
    while found and found[-1][0] == " ":
        found.pop()
    return found


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN and not character.isspace()
