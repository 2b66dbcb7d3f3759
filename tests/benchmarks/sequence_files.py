"""Readers of the public formats; files are found by what is in them, never by name.

S3-Rec: a line per user, ``user item item ...`` in time order. SR-GNN: a file of train sessions
(``item item ...`` in time order of sessions) and a file of requests, ``prefix TAB next item``.
A table with the columns ``item_id`` and ``title`` beside them is read too. Invoices (UCI's columns)
are found here and read by the product's importer.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.importers.online_retail import COLUMNS as INVOICE_COLUMNS
from governance.errors import InputError
from training.sequences import Requests, Sequences, sequences_of

Format = Literal["leave-one-out", "sessions", "baskets"]
_LOOKED_AT_LINES = 50
_LONGEST_HEADER = 10_000  # characters


@dataclass(frozen=True)
class SessionFiles:
    train: Sequences
    test: Requests


@dataclass(frozen=True)
class UserFiles:
    sequences: Sequences
    titles: list[str]  # per item code; empty where the folder has none


def read_users(folder: Path) -> UserFiles:
    """The one file in ``folder`` whose lines are a user and then items; items become codes."""
    path = _only(folder, _is_sequences, "user item item ... per line (S3-Rec)")
    lines = [np.array(line.split(), dtype=np.int64) for line in _lines(path)]
    codes, known = _codes([line[1:] for line in lines])
    titles = _titles(folder)
    of_items = [titles.get(str(item), "") for item in known] if titles else []
    return UserFiles(sequences_of(codes, len(known)), of_items)


def read_sessions(folder: Path) -> SessionFiles:
    """Train sessions and test requests of ``folder``; codes over the items of both."""
    test_path = _only(folder, _is_requests, "prefix TAB next item per line (SR-GNN test)")
    train_path = _only(folder, _is_sequences, "item item ... per line (SR-GNN train sessions)")
    train = [np.array(line.split(), dtype=np.int64) for line in _lines(train_path)]
    test = [np.array(line.split(), dtype=np.int64) for line in _lines(test_path)]
    codes, known = _codes(train + test)
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
    if sum(_is_sequences(path) for path in files) != 1:
        return None
    requests = sum(_is_requests(path) for path in files)
    return {0: "leave-one-out", 1: "sessions"}.get(requests)


def invoices_of(folder: Path) -> Path:
    """The one file of invoices in ``folder``."""
    return _only(folder, _is_invoices, f"a table with the columns {', '.join(INVOICE_COLUMNS)}")


def _titles(folder: Path) -> dict[str, str]:
    """Titles by item of the first table that has them."""
    for path in sorted(folder.iterdir()):
        header = (_first_lines(path) or [""])[0].split("\t") if path.is_file() else []
        if {"item_id", "title"} <= set(header):
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                return {row["item_id"]: row["title"] or "" for row in rows}
    return {}


def _codes(lists: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """The same lists with items numbered from 0, and what each number stands for."""
    sizes = np.cumsum([len(items) for items in lists])
    known, code = np.unique(np.concatenate(lists), return_inverse=True)
    return np.split(code.astype(np.int32), sizes[:-1]), known


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _only(folder: Path, wanted, described: str) -> Path:
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and wanted(path)]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} files of the format {described!r}, one is needed",
            where=str(folder),
            why=", ".join(path.name for path in found) or "no file reads that way",
            next_step="point --data at a folder of that format, or change --protocol",
        )
    return found[0]


def _is_sequences(path: Path) -> bool:
    looked = _first_lines(path)
    return bool(looked) and all("\t" not in x and _numbers(x.split(" ")) for x in looked)


def _is_requests(path: Path) -> bool:
    looked = [line.split("\t") for line in _first_lines(path)]
    return bool(looked) and all(
        len(parts) == 2 and _numbers(parts[0].split(" ")) and _numbers(parts[1:])
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


def _numbers(words: list[str]) -> bool:
    return all(word.isdigit() for word in words)


def _first_lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            return [line.strip() for _, line in zip(range(_LOOKED_AT_LINES), file, strict=False)]
    except UnicodeDecodeError:
        return []
