"""How one row of one feature view is packed into bytes, and how keys are.

A record is a header, a null bitmap and a fixed-width body:

    event_at  8 bytes  big-endian microseconds, biased so that bytes sort as times do
    created_at  8 bytes  the same; zero where the row does not say
    schema  8 bytes  first bytes of the SHA-256 over the view's names and kinds
    nulls  1 bit a feature, then the features in name order, little-endian

Comparing the first 16 bytes of two records says which is newer, in SQLite and in Redis alike.
Text has no fixed width and is refused; such a view stays offline. Feast-free.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from governance.errors import InputError

HEADER = struct.Struct(">QQ8s")
NEWER_BYTES = 16  # event and created time: the part of the header that two records compare by
BIAS = 1 << 63
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  the files hold naive UTC
STRING_TAG = 2  # Feast's ValueType.STRING in a serialised entity key, version 3

# Declared type -> numpy kind of the body. "timestamp" is microseconds since 1970.
KINDS = {"bigint": "<i8", "double": "<f8", "float": "<f4", "boolean": "|b1", "timestamp": "<i8"}


@dataclass(frozen=True)
class RowFormat:
    """The layout of one view's records: ``fields`` pairs each feature with its declared type."""

    view: str
    keys: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        for field, data_type in self.fields:
            if data_type not in KINDS:
                raise InputError(
                    f"feature {field} is {data_type}, which the packed online store cannot hold",
                    where=self.view,
                    why="its records have a fixed width",
                    next_step="encode it as a number, or set online: false in meta.feast",
                )

    @cached_property
    def ordered(self) -> tuple[tuple[str, str], ...]:
        """By name, so that the order of a declaration may change without a new schema."""
        return tuple(sorted(self.fields))

    @cached_property
    def schema(self) -> bytes:
        return hashlib.sha256(repr((self.view, self.ordered)).encode()).digest()[:8]

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        nulls = ("nulls", "u1", ((len(self.fields) + 7) // 8,))
        header = [("event_at", ">u8"), ("created_at", ">u8"), ("schema", "V8")]
        return np.dtype([*header, nulls, *((f"f_{n}", KINDS[t]) for n, t in self.ordered)])

    def pack(
        self, rows: pa.RecordBatch | pa.Table, *, event_at: str, created_at: str
    ) -> list[bytes]:
        """One record per row; columns are found by name."""
        packed = np.zeros(rows.num_rows, dtype=self.dtype)
        packed["event_at"] = _biased(rows.column(event_at))
        if created_at:
            packed["created_at"] = _biased(rows.column(created_at))
        packed["schema"] = np.void(self.schema)
        nulls = np.zeros((rows.num_rows, len(self.ordered)), dtype=bool)
        for index, (feature, data_type) in enumerate(self.ordered):
            column = rows.column(feature)
            nulls[:, index] = _numpy(column.is_null())
            packed[f"f_{feature}"] = _body(column, data_type)
        packed["nulls"] = np.packbits(nulls, axis=1)
        body = memoryview(packed.tobytes())
        width = self.dtype.itemsize
        return [bytes(body[i : i + width]) for i in range(0, len(body), width)]

    def unpack(
        self, records: Sequence[bytes | None]
    ) -> tuple[npt.NDArray[np.void], npt.NDArray[np.bool_]]:
        """The rows, and which of them are there: a record of another schema is not."""
        width, schema = self.dtype.itemsize, self.schema
        absent = bytes(width)
        found = np.array([r is not None and r[16:24] == schema for r in records], dtype=bool)
        whole = b"".join(r if r and ok else absent for r, ok in zip(records, found, strict=True))
        return np.frombuffer(whole, dtype=self.dtype), found

    def nulls(self, rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """(n, features in name order): which values are null."""
        bits = np.unpackbits(rows["nulls"], axis=1, count=len(self.ordered))
        return bits.astype(bool)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a naive UTC or zoned time."""
    naive = (moment - moment.utcoffset()).replace(tzinfo=None) if moment.tzinfo else moment  # type: ignore[operator]
    return (naive - EPOCH) // timedelta(microseconds=1)


def cleared_bytes(until: datetime, held_to: int | None) -> bytes:
    """Up to when records make way for a materialisation to ``until``.

    Going back in time, that is where the store was: its newer batch rows are the future now.
    """
    return struct.pack(">Q", max(microseconds(until), held_to or -BIAS) + BIAS)


def event_microseconds(rows: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    return (rows["event_at"].astype(np.uint64) ^ np.uint64(BIAS)).view(np.int64)


def key_bytes(keys: Sequence[str], columns: Sequence[Iterable[str]]) -> list[bytes]:
    """Feast's serialised entity keys (version 3) for text keys: ``columns`` are by key."""
    order = sorted(range(len(keys)), key=lambda index: keys[index])
    prefix = struct.pack("<I", len(keys)) + b"".join(_tagged(keys[index]) for index in order)
    if len(order) == 1:
        return [prefix + _tagged(value) for value in columns[0]]
    rows = zip(*(columns[index] for index in order), strict=True)
    return [prefix + b"".join(map(_tagged, row)) for row in rows]


def _tagged(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<II", STRING_TAG, len(encoded)) + encoded


def _biased(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    times = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
    known = _numpy(pc.fill_null(times, -(1 << 63))).astype(np.int64)
    return known.view(np.uint64) ^ np.uint64(BIAS)


def _body(column: pa.Array | pa.ChunkedArray, data_type: str) -> npt.NDArray[np.generic]:
    if data_type == "timestamp":
        column = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
    zero = pa.scalar(False if data_type == "boolean" else 0).cast(column.type)
    return _numpy(pc.fill_null(column, zero))


def _numpy(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.generic]:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    values: npt.NDArray[np.generic] = column.to_numpy(zero_copy_only=False)
    return values
