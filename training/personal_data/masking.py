"""Masking that keeps format: letters for letters, digits for digits, separators where they were.

    mask("Ana Ruiz, +34 612 345 678", found, key=secret)   # -> "Qvo Tdri, +70 264 085 311"

Dimensions: none. Pure. The same value under the same key and kind gives the same mask, so masked
columns still join; without the key a mask says nothing but the length and shape of what it hides.
A masked number of twelve digits or more fails Luhn, so it is never taken for a card again; other
checksums may hold by chance. ``Mask.replaced`` tells where masks stand; masking what is masked
there changes nothing.
"""

import hmac
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from stdnum import luhn

from governance.errors import InputError
from training.personal_data.found import Found

_LEAST_KEY = 16  # bytes: a shorter key can be guessed, and with it every mask of a short value
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SHORTEST_REPEATED = 5  # characters: an age or a house number stands elsewhere by chance
_CHECKED_BY_LUHN = 12  # digits from which a number may be a card


@dataclass(frozen=True)
class Mask:
    """A masked text and where in it the masks stand, of the same length as the original."""

    text: str
    replaced: tuple[Found, ...]


def mask(text: str, found: Sequence[Found], *, key: bytes, replaced: Sequence[Found] = ()) -> Mask:
    """``text`` with each span of ``found`` masked, and its value wherever else it stands.

    Spans within ``replaced`` are masks already and stay.
    """
    if len(key) < _LEAST_KEY:
        raise InputError(
            "the key of masking is too short",
            why=f"it has {len(key)} bytes of at least {_LEAST_KEY}",
            next_step="give secrets.token_bytes(32), kept where other secrets are",
        )
    parts, done, masks = [], 0, list(replaced)
    for span in sorted([*found, *_repeated(text, found)]):
        start, end = max(span.start, done), span.end
        if start >= end or any(r.start <= start and end <= r.end for r in replaced):
            continue
        parts += [text[done:start], masked_value(text[start:end], span.kind, key)]
        masks.append(replace(span, start=start, end=end))
        done = end
    return Mask("".join([*parts, text[done:]]), tuple(sorted(masks)))


def masked_value(value: str, kind: str, key: bytes) -> str:
    """Another value of the same length and shape, differing in every letter and digit."""
    stream = _stream(f"{kind}\0{value}".encode("utf-8", "surrogatepass"), key)
    masked = "".join(_other(c, stream) for c in value)
    digits = [at for at, c in enumerate(value) if _is_digit(c)]
    if len(digits) >= _CHECKED_BY_LUHN and luhn.is_valid("".join(masked[at] for at in digits)):
        return _broken(value, masked, digits[-1])
    return masked


def _repeated(text: str, found: Sequence[Found]) -> Iterator[Found]:
    """The places at which a found value stands again, unless it is so short that chance does it."""
    for value, span in {text[span.start : span.end]: span for span in found}.items():
        start = text.find(value) if len(value) >= _SHORTEST_REPEATED else -1
        while start >= 0:
            yield replace(span, start=start, end=start + len(value))
            start = text.find(value, start + len(value))


def _other(character: str, stream: Iterator[int]) -> str:
    """Another digit or letter of the same case; marks and separators stay.

    A letter or digit of another script becomes a Latin one, whose case is kept where it has one.
    """
    if _is_digit(character):
        return str((int(character) + 1 + next(stream) % 9) % 10)
    category = unicodedata.category(character)
    if category[0] == "N":
        return str(next(stream) % 10)
    if category[0] != "L":
        return character
    low = character.lower()
    if low in _LETTERS:
        other = _LETTERS[(_LETTERS.index(low) + 1 + next(stream) % 25) % 26]
    else:
        other = _LETTERS[next(stream) % 26]
    return other.upper() if category in ("Lu", "Lt") else other


def _broken(value: str, masked: str, at: int) -> str:
    """The last digit moved on once more, past the original one: Luhn fails by any one digit."""
    step = 1 if (int(masked[at]) + 1) % 10 != int(value[at]) else 2
    return masked[:at] + str((int(masked[at]) + step) % 10) + masked[at + 1 :]


def _is_digit(character: str) -> bool:
    return character.isascii() and character.isdecimal()


def _stream(message: bytes, key: bytes) -> Iterator[int]:
    """Numbers of 16 bits that only the key's holder can repeat."""
    number = 0
    while True:
        block = hmac.new(key, number.to_bytes(4, "big") + message, sha256).digest()
        yield from (int.from_bytes(block[i : i + 2], "big") for i in range(0, len(block), 2))
        number += 1
