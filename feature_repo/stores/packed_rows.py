"""How one row of one feature view is packed into bytes, and how keys are.

A record is a header, a null bitmap, a fixed-width body and, for text and lists, a variable part:

    event_at  8 bytes  big-endian microseconds, biased so that bytes sort as times do
    created_at  8 bytes  the same; zero where the row does not say
    schema  8 bytes  first bytes of the SHA-256 over the view's keys, names and kinds
    nulls  1 bit a feature, then numbers by kind and name, little-endian
    ends  4 bytes a text or list: where it ends in the variable part (``packed_variable.py``)

Comparing the first 16 bytes of two records says which is newer, in SQLite and in Redis alike.
Numbers of a kind lie side by side, so that a view becomes a matrix in one copy a kind. Feast-free.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.stores.packed_variable import VARIABLE_KINDS, decoded, encoded_columns
from governance.errors import InputError

NEWER_BYTES = 16  # event and created time: the part of the header that two records compare by
HEADER_BYTES = 24
BIAS = 1 << 63
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  the files hold naive UTC
INT64_TAG, STRING_TAG = 4, 2  # Feast's ValueType in a serialised entity key, version 3

# Declared type -> numpy kind of the body, in body order. "timestamp" is microseconds since 1970.
KINDS = {"double": "<f8", "bigint": "<i8", "timestamp": "<i8", "float": "<f4", "boolean": "|b1"}
_RANK = {kind: rank for rank, kind in enumerate((*KINDS, *VARIABLE_KINDS))}

Key = str | int


@dataclass(frozen=True)
class RowFormat:
    """The layout of one view's records: ``fields`` pairs each feature with its declared type."""

    view: str
    keys: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        for field, data_type in self.fields:
            if data_type not in _RANK:
                raise InputError(
                    f"feature {field} is {data_type}, which the packed online store cannot hold",
                    where=self.view,
                    why=f"it holds {', '.join(_RANK)}",
                    next_step="cast it in the model's SQL, or set online: false in meta.feast",
                )

    @cached_property
    def ordered(self) -> tuple[tuple[str, str], ...]:
        """By kind and name: the order of a declaration may change without a new schema."""
        return tuple(
            sorted(self.fields, key=lambda field: (min(_RANK[field[1]], len(KINDS)), field))
        )

    @cached_property
    def numbers(self) -> tuple[tuple[str, str], ...]:
        """The features that a matrix holds: the first of :attr:`ordered`."""
        return tuple(field for field in self.ordered if field[1] in KINDS)

    @cached_property
    def variables(self) -> tuple[tuple[str, str], ...]:
        return self.ordered[len(self.numbers) :]

    @cached_property
    def is_fixed(self) -> bool:
        """Every record has the same width."""
        return not self.variables

    def __hash__(self) -> int:  # plans and statements are kept by format
        return hash(self.schema)

    @cached_property
    def schema(self) -> bytes:
        told = (self.view, tuple(sorted(self.keys)), self.ordered)
        return hashlib.sha256(repr(told).encode()).digest()[:8]

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """A record's fixed part, one field a feature."""
        numbers = [(f"f_{n}", KINDS[t]) for n, t in self.numbers]
        ends = [(f"f_{n}", "<u4") for n, _ in self.variables]
        return np.dtype([*self._header, *numbers, *ends])

    @cached_property
    def block_dtype(self) -> np.dtype[np.void]:
        """The same bytes with one field a kind, as :attr:`blocks` says."""
        kinds = [(kind, KINDS[kind], (stop - start,)) for kind, start, stop in self.blocks]
        header = [
            ("schema", "<u8") if name == "schema" else (name, *t) for name, *t in self._header
        ]
        return np.dtype([*header, *kinds, ("ends", "<u4", (len(self.variables),))])

    @cached_property
    def blocks(self) -> tuple[tuple[str, int, int], ...]:
        """(kind, first, last + 1) of the numbers that lie side by side."""
        kinds = [kind for _, kind in self.numbers]
        starts = {kind: kinds.index(kind) for kind in dict.fromkeys(kinds)}
        return tuple((kind, at, at + kinds.count(kind)) for kind, at in starts.items())

    @property
    def _header(self) -> list[tuple[object, ...]]:
        nulls = ("nulls", "u1", ((len(self.fields) + 7) // 8,))
        return [("event_at", ">u8"), ("created_at", ">u8"), ("schema", "V8"), nulls]

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
            if data_type in KINDS:
                packed[f"f_{feature}"] = _body(column, data_type)
        packed["nulls"] = np.packbits(nulls, axis=1)
        columns = [(kind, rows.column(name).to_pylist()) for name, kind in self.variables]
        ends, tails = encoded_columns(columns, view=self.view)
        for index, (feature, _) in enumerate(self.variables):
            packed[f"f_{feature}"] = ends[index]
        body, width = memoryview(packed.tobytes()), self.dtype.itemsize
        records = [bytes(body[i : i + width]) for i in range(0, len(body), width)]
        return [a + b for a, b in zip(records, tails, strict=True)] if self.variables else records

    def unpack(
        self, records: Sequence[bytes | None]
    ) -> tuple[npt.NDArray[np.void], npt.NDArray[np.bool_]]:
        """The rows, and which of them are there: a record of another schema is not."""
        width, schema = self.dtype.itemsize, self.schema
        absent = bytes(width)
        found = np.array([r is not None and r[16:24] == schema for r in records], dtype=bool)
        pairs = zip(records, found, strict=True)
        whole = b"".join([r[:width] if r and ok else absent for r, ok in pairs])
        return np.frombuffer(whole, dtype=self.dtype), found

    def nulls(self, rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """(n, features in record order): which values are null."""
        bits = np.unpackbits(rows["nulls"], axis=1, count=len(self.ordered))
        return bits.astype(bool)

    def cells(
        self, feature: str, records: Sequence[bytes | None], rows: npt.NDArray[np.void]
    ) -> list[object]:
        """One feature of every row as Python values; null and absent rows hold anything."""
        names = [name for name, _ in self.variables]
        if feature not in names:
            return list(rows[f"f_{feature}"].tolist())
        place, width = names.index(feature), self.dtype.itemsize
        ends = rows[f"f_{feature}"].tolist()
        starts = rows[f"f_{names[place - 1]}"].tolist() if place else [0] * len(ends)
        kind = self.variables[place][1]
        spans = zip(records, starts, ends, strict=True)
        return [decoded(kind, r[width + a : width + b]) if r and b else None for r, a, b in spans]


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a naive UTC or zoned time."""
    naive = (moment - moment.utcoffset()).replace(tzinfo=None) if moment.tzinfo else moment  # type: ignore[operator]
    return (naive - EPOCH) // timedelta(microseconds=1)


def event_microseconds(rows: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    return (rows["event_at"].astype(np.uint64) ^ np.uint64(BIAS)).view(np.int64)


def key_bytes(keys: Sequence[str], columns: Sequence[Iterable[Key]]) -> list[bytes]:
    """Feast's serialised entity keys (version 3), of text or integers: ``columns`` are by key."""
    prefix, heads = _key_heads(tuple(sorted(keys)))
    if len(keys) == 1:
        return [
            heads[len(text)] + text if text and len(text) < len(heads) else prefix + _tagged(value)
            for value in columns[0]
            for text in (value.encode() if type(value) is str else b"",)
        ]
    order = sorted(range(len(keys)), key=lambda index: keys[index])
    rows = zip(*(columns[index] for index in order), strict=True)
    return [prefix + b"".join(map(_tagged, row)) for row in rows]


def key_values(key: bytes) -> dict[str, Key]:
    """What :func:`key_bytes` made one key of: value by key name."""
    (count,), at = struct.unpack_from("<I", key), 4
    parts: list[Key] = []
    while at < len(key):
        tag, size = struct.unpack_from("<II", key, at)
        part = key[at + 8 : at + 8 + size]
        is_text = tag == STRING_TAG
        parts.append(part.decode() if is_text else int.from_bytes(part, "little", signed=True))
        at += 8 + size
    return dict(zip(map(str, parts[:count]), parts[count:], strict=True))


@lru_cache(maxsize=256)
def _key_heads(keys: tuple[str, ...]) -> tuple[bytes, list[bytes]]:
    """What every key of these names begins with, and so for a text of each of the usual lengths."""
    prefix = struct.pack("<I", len(keys)) + b"".join(map(_tagged, keys))
    return prefix, [prefix + struct.pack("<II", STRING_TAG, size) for size in range(64)]


def _tagged(value: Key) -> bytes:
    if isinstance(value, int):
        return struct.pack("<IIq", INT64_TAG, 8, value)
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
