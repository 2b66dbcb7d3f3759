"""The variable part of a packed record: text and lists, one after the other.

Text is UTF-8; a list of numbers is its little-endian bytes; a list of texts is their count, where
each ends, and their UTF-8. An empty text or list is not a null: the record's bitmap says which is
which. Python a value: views of numbers alone do not come through here. Feast-free.
"""

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from governance.errors import InputError

NUMBER_LISTS = {"bigint[]": "<i8", "double[]": "<f8", "float[]": "<f4"}
VARIABLE_KINDS = ("varchar", *NUMBER_LISTS, "varchar[]")
_MARK = b"\1"  # before every value that is there, so that an empty one has a width too


def encoded_columns(
    columns: Sequence[tuple[str, Sequence[object]]], *, view: str
) -> tuple[list[list[int]], list[bytes]]:
    """For each column where its values end, and for each row its variable part."""
    coded = [[_encoded(kind, value, view) for value in values] for kind, values in columns]
    tails, ends = [], []
    for row in zip(*coded, strict=True):
        tails.append(b"".join(row))
        at, row_ends = 0, []
        for part in row:
            at += len(part)
            row_ends.append(at)
        ends.append(row_ends)
    return [list(column) for column in zip(*ends, strict=True)] or [[] for _ in columns], tails


def decoded(kind: str, part: bytes) -> object:
    """The value that ``part`` encodes; None for a part that holds none."""
    if not part:
        return None
    body = part[1:]
    if kind == "varchar":
        return body.decode()
    if kind in NUMBER_LISTS:
        numbers: npt.NDArray[np.generic] = np.frombuffer(body, NUMBER_LISTS[kind])
        return numbers.tolist()
    (count,) = struct.unpack_from("<I", body)
    ends = struct.unpack_from(f"<{count}I", body, 4)
    texts = body[4 + 4 * count :]
    starts = (0, *ends)[:count]
    return [texts[a:b].decode() for a, b in zip(starts, ends, strict=True)]


def _encoded(kind: str, value: object, view: str) -> bytes:
    if value is None:
        return b""
    if isinstance(value, str) and kind == "varchar":
        return _MARK + value.encode()
    if not isinstance(value, (list, tuple, np.ndarray)) or any(cell is None for cell in value):
        raise InputError(
            f"a value of {view} is no {kind}",
            why="it is not a list, or one of its elements is null",
            next_step="leave null elements out of lists in the model's SQL",
        )
    if kind in NUMBER_LISTS:
        return _MARK + np.asarray(value, dtype=NUMBER_LISTS[kind]).tobytes()
    texts = [str(text).encode() for text in value]
    ends = np.cumsum([len(text) for text in texts], dtype=np.uint32)
    return _MARK + struct.pack("<I", len(texts)) + ends.astype("<u4").tobytes() + b"".join(texts)
