"""What a backend gives back for one request, states and rows, and how rows become values.

One request may want the views of several entities; a backend answers it in one trip (Redis) or
one query an entity (SQLite). Rows that are not there are zeros, whose schema is nobody's, so that
nothing here runs once a row. Feast-free.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from feature_repo.stores.packed_rows import BIAS, RowFormat

Rows = npt.NDArray[np.void]  # (n,), of a RowFormat's block_dtype
NO_TTL = 1 << 62  # microseconds; longer than any shop


@dataclass(frozen=True)
class ViewState:
    """What a backend knows of one prepared view; times are microseconds since 1970."""

    schema: bytes
    materialised_to: int | None
    newest_event: int | None  # of rows pushed, not materialised


class States(dict[str, ViewState]):
    """Of every prepared view, by name; not changed after it was read."""

    @cached_property
    def newest_at(self) -> int | None:
        """The data clock: where the store was last materialised to, or its newest pushed event."""
        times = [t for s in self.values() for t in (s.materialised_to, s.newest_event)]
        return max((time for time in times if time is not None), default=None)


@dataclass(frozen=True)
class Want:
    """Views of one entity, and the entity keys to read them for."""

    formats: tuple[RowFormat, ...]
    keys: Sequence[bytes]


@dataclass(frozen=True)
class Found:
    """States of every view in the store, the same object until one changes, and rows by want."""

    states: States
    rows: list[list[Rows]]


class Numbers(NamedTuple):
    """Values of ``n`` entities: (n, d), NaN where there is none; ages of views are (v, n)."""

    values: npt.NDArray[np.float64]
    ages_seconds: npt.NDArray[np.float64]  # NaN where the view has no row that counts


@dataclass(frozen=True, eq=False)
class MatrixPlan:
    """Which numbers of which views make up a matrix, worked out once and used for every read."""

    formats: tuple[RowFormat, ...]
    ttls: tuple[timedelta | None, ...]  # None or zero: rows never expire
    columns: tuple[tuple[int, str], ...]  # (place of the view, feature), in matrix order

    @cached_property
    def _spans(self) -> tuple[tuple[int, int], ...]:
        """Where each view's numbers lie among those of all."""
        stops = np.cumsum([len(layout.numbers) for layout in self.formats]).tolist()
        return tuple(zip((0, *stops[:-1]), stops, strict=True))

    @cached_property
    def _order(self) -> npt.NDArray[np.intp] | None:
        """Where each column lies among all numbers; None if it is where it should be."""
        names = [[name for name, _ in layout.numbers] for layout in self.formats]
        order = [self._spans[view][0] + names[view].index(name) for view, name in self.columns]
        return None if order == list(range(self._spans[-1][1])) else np.array(order, dtype=np.intp)

    @cached_property
    def _schemas(self) -> npt.NDArray[np.uint64]:
        return np.frombuffer(b"".join(f.schema for f in self.formats), "<u8")[:, None]

    @cached_property
    def _lasting(self) -> npt.NDArray[np.uint64]:
        """The ttls in microseconds, (v, 1)."""
        spans = [ttl // timedelta(microseconds=1) if ttl else NO_TTL for ttl in self.ttls]
        return np.array(spans, dtype=np.uint64)[:, None]

    @cached_property
    def _null_bits(self) -> npt.NDArray[np.intp]:
        """Where each number's bit lies among the null bits of all views."""
        sizes = [8 * layout.block_dtype["nulls"].itemsize for layout in self.formats]
        starts = np.cumsum([0, *sizes[:-1]])
        widths = [len(layout.numbers) for layout in self.formats]
        bits = [at + np.arange(width) for at, width in zip(starts, widths, strict=True)]
        return np.concatenate(bits).astype(np.intp)

    @cached_property
    def _view_of(self) -> npt.NDArray[np.intp]:
        """The view of each number."""
        widths = [len(layout.numbers) for layout in self.formats]
        return np.repeat(np.arange(len(widths)), widths)

    @cached_property
    def _copies(self) -> tuple[tuple[tuple[str, slice], ...], ...]:
        """For each view, which of its blocks go where among all numbers."""
        return tuple(
            tuple((kind, slice(start + a, start + b)) for kind, a, b in layout.blocks)
            for layout, (start, _) in zip(self.formats, self._spans, strict=True)
        )

    def numbers(self, rows: Sequence[Rows], *, now: int) -> Numbers:
        """Values and ages at ``now``; a row exactly as old as its ttl still counts."""
        count = len(rows[0])
        events = np.empty((len(rows), count), dtype=np.uint64)  # biased, as in the records
        schemas = np.empty((len(rows), count), dtype=np.uint64)
        whole = np.empty((count, len(self._view_of)))
        null_bytes = []
        for place, (part, copies) in enumerate(zip(rows, self._copies, strict=True)):
            events[place] = part["event_at"]
            schemas[place] = part["schema"]
            null_bytes.append(part["nulls"])
            for kind, span in copies:
                whole[:, span] = part[kind]
        biased = np.uint64(now + BIAS)
        gone = (schemas != self._schemas) | (events < biased - self._lasting)
        joined = np.concatenate(null_bytes, axis=1) if len(rows) > 1 else null_bytes[0]
        nulls = np.unpackbits(joined, axis=1).take(self._null_bits, axis=1).view(np.bool_)
        nulls |= gone.take(self._view_of, axis=0).T
        whole[nulls] = np.nan
        seconds = (biased - np.minimum(events, biased)) / 1e6
        seconds[gone] = np.nan
        return Numbers(whole if self._order is None else whole[:, self._order], seconds)


def rows_of_records(layout: RowFormat, records: Sequence[bytes | None]) -> Rows:
    """The fixed part of ``records``; zeros where one is absent or of another width."""
    width = layout.dtype.itemsize
    absent = bytes(width)
    whole = b"".join([record or absent for record in records])
    if len(whole) != width * len(records) or not layout.is_fixed:
        cut = [r[:width] if r and is_of(layout, r) else absent for r in records]
        whole = b"".join(cut)
    return np.frombuffer(whole, layout.block_dtype)


def is_of(layout: RowFormat, record: bytes) -> bool:
    """The record was packed with this layout, and is not zeros."""
    return record[16:24] == layout.schema
