"""What Redis knows of each view: its schema, how far it got, its place in the entities' strings.

One hash holds the states of all views, so that a read gets them in the trip that gets the rows.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import numpy as np

from feature_repo.stores.packed_reading import Rows, States, ViewState, Want, is_of, rows_of_records
from feature_repo.stores.packed_rows import BIAS, RowFormat, microseconds

_STATE = struct.Struct("<8sq8sii")  # the scripts read what is after the third field
_NEVER = -(1 << 63)
OWN_STRINGS = -1  # the offset of a view whose records vary in width


@dataclass(frozen=True)
class PlacedState:
    """A view's state with its offset and width, and the keys whose entities' strings it is in."""

    schema: bytes
    materialised_to: int | None
    newest: bytes  # of pushed events, as a record's first eight bytes; zeros: none
    offset: int
    width: int
    keys: str

    @classmethod
    def parse(cls, packed: bytes) -> "PlacedState":
        schema, until, newest, offset, width = _STATE.unpack_from(packed)
        keys = packed[_STATE.size :].decode()
        return cls(schema, None if until == _NEVER else until, newest, offset, width, keys)

    def packed(self) -> bytes:
        until = _NEVER if self.materialised_to is None else self.materialised_to
        head = _STATE.pack(self.schema, until, self.newest, self.offset, self.width)
        return head + self.keys.encode()

    def reached(self, until: datetime, *, cleared: bytes) -> "PlacedState":
        """After a materialisation to ``until``, which cleared what was pushed before that."""
        newest = self.newest if self.newest > cleared else bytes(8)
        return replace(self, materialised_to=microseconds(until), newest=newest)

    @property
    def is_placed(self) -> bool:
        return self.offset != OWN_STRINGS

    def view_state(self) -> ViewState:
        newest = int.from_bytes(self.newest, "big")
        return ViewState(self.schema, self.materialised_to, newest - BIAS if newest else None)


def placed(layout: RowFormat, others: Iterable[PlacedState]) -> PlacedState:
    """A fresh state of ``layout`` in the first gap that ``others`` of the same keys leave."""
    keys, width = ",".join(sorted(layout.keys)), layout.dtype.itemsize
    fresh = PlacedState(layout.schema, None, bytes(8), OWN_STRINGS, width, keys)
    if not layout.is_fixed:
        return fresh
    offset = 0
    for state in sorted(others, key=lambda other: other.offset):
        if state.keys == keys and state.offset != OWN_STRINGS:
            if state.offset - offset >= width:
                break
            offset = max(offset, state.offset + state.width)
    return replace(fresh, offset=offset)


@lru_cache(maxsize=256)
def apart(formats: tuple[RowFormat, ...]) -> tuple[RowFormat, ...]:
    """Formats whose records lie apart: one for all of fixed width, and each of the others."""
    fixed = [layout for layout in formats if layout.is_fixed]
    return (*fixed[:1], *(layout for layout in formats if not layout.is_fixed))


class KnownStates:
    """The hash of states as it was read, and how entities' strings look because of it."""

    def __init__(self, packed: dict[bytes, bytes]) -> None:
        self.packed = packed
        self.placed = {view.decode(): PlacedState.parse(p) for view, p in packed.items()}
        self.states = States({v: state.view_state() for v, state in self.placed.items()})
        self._dtypes: dict[tuple[RowFormat, ...], np.dtype[np.void]] = {}

    def rows(self, want: Want, strings: Sequence[Sequence[bytes | None]]) -> list[Rows]:
        """The rows of each format, out of the strings of :func:`apart`."""
        lying = apart(want.formats)
        own = dict(zip([layout.view for layout in lying], strings, strict=True))
        shared = None
        if lying and lying[0].is_fixed:
            shared = self._shared_rows(want, strings[0])
        answer = []
        for layout in want.formats:
            state = self.placed.get(layout.view)
            if state is None or state.schema != layout.schema:
                answer.append(rows_of_records(layout, [None] * len(want.keys)))
            elif layout.is_fixed and shared is not None:
                answer.append(shared[layout.view])
            else:
                answer.append(rows_of_records(layout, own[layout.view]))
        return answer

    def _shared_rows(self, want: Want, strings: Sequence[bytes | None]) -> Rows:
        dtype = self._shared_dtype(want)
        width = dtype.itemsize
        absent = bytes(width)
        parts = [string.ljust(width, b"\0") if string else absent for string in strings]
        whole = b"".join(parts)
        if len(whole) != width * len(parts):  # a view was dropped, and left its place behind
            whole = b"".join([part[:width] for part in parts])
        return np.frombuffer(whole, dtype)

    def _shared_dtype(self, want: Want) -> np.dtype[np.void]:
        """An entity's string as one row: a field a view, at the view's offset."""
        if want.formats not in self._dtypes:
            keys = ",".join(sorted(want.formats[0].keys))
            theirs = [s for s in self.placed.values() if s.keys == keys and s.is_placed]
            known = [
                (layout, self.placed[layout.view].offset)
                for layout in want.formats
                if layout.is_fixed
                and layout.view in self.placed
                and self.placed[layout.view].schema == layout.schema
            ]
            self._dtypes[want.formats] = np.dtype(
                {
                    "names": [layout.view for layout, _ in known],
                    "formats": [layout.block_dtype for layout, _ in known],
                    "offsets": [offset for _, offset in known],
                    "itemsize": max((s.offset + s.width for s in theirs), default=1),
                }
            )
        return self._dtypes[want.formats]

    @staticmethod
    def records_of(
        layout: RowFormat, strings: Sequence[bytes | None], state: PlacedState | None
    ) -> list[bytes | None]:
        """A view's records out of the strings that hold them."""
        if state is None or not state.is_placed:
            return list(strings)
        start, stop = state.offset, state.offset + state.width
        parts = [string[start:stop] if string else b"" for string in strings]
        return [part if is_of(layout, part) else None for part in parts]
