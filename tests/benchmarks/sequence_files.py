"""Readers of the public formats; files are found by what is in them, never by name.

S3-Rec: a line per user (``training/sequence_folder.py``). SR-GNN: a file of train sessions
(``item item ...`` in time order of sessions) and a file of requests, ``prefix TAB next item``.
A table with the columns ``item_id`` and ``title`` beside them is read too. Invoices (UCI's columns)
are found here and read by the product's importer.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.importers.online_retail import COLUMNS as INVOICE_COLUMNS
from training.sequence_folder import (
    UserFiles,
    are_numbers,
    coded,
    first_lines,
    is_sequences,
    lines_of,
    only_file,
    read_users,
)
from training.sequences import Requests, Sequences, sequences_of

__all__ = [
    "Format",
    "SessionFiles",
    "UserFiles",
    "format_of",
    "invoices_of",
    "read_sessions",
    "read_users",
]

Format = Literal["leave-one-out", "sessions", "baskets"]
_LONGEST_HEADER = 10_000  # characters


@dataclass(frozen=True)
class SessionFiles:
    train: Sequences
    test: Requests


def read_sessions(folder: Path) -> SessionFiles:
    """Train sessions and test requests of ``folder``; codes over the items of both."""
    test_path = only_file(folder, _is_requests, "prefix TAB next item per line (SR-GNN test)")
    train_path = only_file(folder, is_sequences, "item item ... per line (SR-GNN train sessions)")
    train = [np.array(line.split(), dtype=np.int64) for line in lines_of(train_path)]
    test = [np.array(line.split(), dtype=np.int64) for line in lines_of(test_path)]
    codes, known = coded(train + test)
    asked = codes[len(train) :]
    sizes = np.array([len(items) for items in asked])
    # prefixes of one session stand together, longest first
    group = np.cumsum(np.r_[True, sizes[1:] >= sizes[:-1]])
    target = np.array([items[-1] for items in asked], dtype=np.int32)
    requests = Requests([items[:-1] for items in asked], target, group.astype(np.int32))
    return SessionFiles(sequences_of(codes[: len(train)], len(known)), requests)


def format_of(folder: Path) -> Format | None:
    """The protocol whose files ``folder`` holds, if it is one."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    if sum(_is_invoices(path) for path in files) == 1:
        return "baskets"
    if sum(is_sequences(path) for path in files) != 1:
        return None
    requests = sum(_is_requests(path) for path in files)
    return {0: "leave-one-out", 1: "sessions"}.get(requests)


def invoices_of(folder: Path) -> Path:
    """The one file of invoices in ``folder``."""
    return only_file(folder, _is_invoices, f"a table with the columns {', '.join(INVOICE_COLUMNS)}")


def _is_requests(path: Path) -> bool:
    looked = [line.split("\t") for line in first_lines(path)]
    return bool(looked) and all(
        len(parts) == 2 and are_numbers(parts[0].split(" ")) and are_numbers(parts[1:])
        for parts in looked
    )


def _is_invoices(path: Path) -> bool:
    if path.suffix == ".parquet":
        try:
            names = pq.read_schema(path).names
        except (OSError, pa.ArrowInvalid):
            return False
    else:
        with path.open(encoding="utf-8-sig", errors="replace") as file:  # UCI's own is Latin-1
            names = file.readline(_LONGEST_HEADER).strip().replace('"', "").split(",")
    return set(INVOICE_COLUMNS) <= set(names)
