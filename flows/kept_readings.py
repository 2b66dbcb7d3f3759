"""Whole numbers that a model read, kept in files by the digest of what was read: never read twice.

A folder holds the readings of one model. Each file of them is written whole, so a run that was
killed goes on after the last. Nothing that was read is kept here, only its digest.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from flows.stages import Progress
from governance.files import atomic_path

Numbers = tuple[int | None, ...]
Read = TypeVar("Read")


@dataclass(frozen=True)
class Readings:
    """What was read of each row of a table; ``said`` tells a person by what, or why not."""

    numbers: list[Numbers]
    said: str
    model: str = ""  # empty where there is none


@dataclass(frozen=True)
class KeptReadings:
    """Where a model's readings are kept, and the names of their numbers."""

    folder: Path
    columns: tuple[str, ...]

    def read_anew(
        self,
        by_digest: Mapping[str, Read],
        read: Callable[[Sequence[Read]], Sequence[Numbers]],
        *,
        chunk: int,
        progress: Progress,
        what: str = "texts",
    ) -> dict[str, Numbers]:
        """Numbers by digest; only what no file holds is read, ``chunk`` of them to a file."""
        found = self.found()
        fresh = sorted(digest for digest in by_digest if digest not in found)
        for begin in range(0, len(fresh), chunk):
            part = fresh[begin : begin + chunk]
            numbers = read([by_digest[digest] for digest in part])
            self.keep(part, numbers)
            found.update(zip(part, numbers, strict=True))
            progress(f"{begin + len(part):,} of {len(fresh):,} new {what} read")
        return {digest: found[digest] for digest in by_digest}

    def found(self) -> dict[str, Numbers]:
        """Everything that is kept."""
        found: dict[str, Numbers] = {}
        for path in sorted(self.folder.glob("readings-*.parquet")):
            table = pq.read_table(path, partitioning=None)
            rows = zip(*(table[name].to_pylist() for name in self.columns), strict=True)
            found.update(zip(table["text_sha256"].to_pylist(), rows, strict=True))
        return found

    def keep(self, digests: Sequence[str], numbers: Sequence[Numbers]) -> None:
        """One more file."""
        columns = {"text_sha256": pa.array(digests, pa.string())}
        for place, name in enumerate(self.columns):
            columns[name] = pa.array([row[place] for row in numbers], pa.int64())
        name = hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
        with atomic_path(self.folder / f"readings-{name}.parquet") as beside:
            pq.write_table(pa.table(columns), beside)
