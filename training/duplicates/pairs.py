"""Read pairs of listings: lines ``COL a VAL x COL b VAL y<TAB>COL ...<TAB>0|1``.

A folder holds ``train.txt`` and one or both of ``valid.txt`` and ``test.txt``. This is the edge
where files are read; ``train.py`` gets the pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from governance.errors import InputError
from training.duplicates.listing import Listing, listing_of

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """N pairs; ``labels`` (N,) is 1 where both are of the same product."""

    first: tuple[Listing, ...]
    second: tuple[Listing, ...]
    labels: Ints

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Sequence[int] | Ints) -> "Pairs":
        """The given rows, in their order."""
        return Pairs(
            tuple(self.first[row] for row in rows),
            tuple(self.second[row] for row in rows),
            self.labels[np.asarray(rows, dtype=np.int64)],
        )

    def listings(self) -> tuple[Listing, ...]:
        """Every listing once, in the order of its first appearance."""
        return tuple(dict.fromkeys((*self.first, *self.second)))


def read_pairs(path: Path) -> Pairs:
    """Every line of a file; InputError names the line that is no pair."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # Excel begins files with a mark
    except FileNotFoundError:
        raise InputError("there is no such file of pairs", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise InputError(
            "the pairs are no UTF-8",
            where=str(path),
            why=str(error),
            next_step="save them as UTF-8",
        ) from None
    known: dict[str, Listing] = {}  # a listing is in many pairs: it is read once
    first: list[Listing] = []
    second: list[Listing] = []
    labels: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        parts = line.rstrip("\r").split("\t")
        if len(parts) != 3 or parts[2].strip() not in {"0", "1"}:
            raise InputError(
                "a line is no pair",
                where=f"{path}:{number}",
                why="it must be two listings and 0 or 1, parted by tabs",
            )
        for part, side in zip(parts[:2], (first, second), strict=True):
            if part not in known:
                known[part] = listing_of(part)
            side.append(known[part])
        labels.append(int(parts[2]))
    return Pairs(tuple(first), tuple(second), np.array(labels, dtype=np.int64))


def pair_folders(data: Path) -> list[Path]:
    """The folder itself where it has a ``train.txt``, else the folders in it that have one."""
    if (data / "train.txt").is_file():
        return [data]
    found = sorted(path.parent for path in data.glob("*/train.txt")) if data.is_dir() else []
    if not found:
        raise InputError(
            "there are no pairs to learn from",
            where=str(data / "train.txt"),
            why="neither this folder nor one in it has a train.txt",
            next_step="give a folder with train.txt and valid.txt or test.txt",
        )
    return found
