"""A folder of users' sequences, found by what is in its files, never by name.

The format of S3-Rec: a line per user, ``user item item ...`` in time order. A table with the
columns ``item_id`` and ``title`` beside it is read too. Items become codes from 0.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from governance.errors import InputError
from training.sequences import Sequences, sequences_of
from training.shop_data import Ints, Longs

_LOOKED_AT_LINES = 50


@dataclass(frozen=True)
class UserFiles:
    """Sequences with what each item code stands for."""

    sequences: Sequences
    titles: list[str]  # per item code; empty where the folder has none
    item_ids: list[str]  # per item code, as the file has it


def read_users(folder: Path) -> UserFiles:
    """The one file in ``folder`` whose lines are a user and then items; items become codes."""
    path = only_file(folder, is_sequences, "user item item ... per line (S3-Rec)")
    lines = [np.array(line.split(), dtype=np.int64) for line in lines_of(path)]
    codes, known = coded([line[1:] for line in lines])
    titles = _titles(folder)
    of_items = [titles.get(str(item), "") for item in known] if titles else []
    return UserFiles(sequences_of(codes, len(known)), of_items, [str(item) for item in known])


def has_titles(folder: Path) -> bool:
    """Whether a table with ``item_id`` and ``title`` lies beside the sequences."""
    return bool(_titles(folder))


def coded(lists: list[Longs]) -> tuple[list[Ints], Longs]:
    """The same lists with items numbered from 0, and what each number stands for."""
    sizes = np.cumsum([len(items) for items in lists])
    known, code = np.unique(np.concatenate(lists), return_inverse=True)
    return np.split(code.astype(np.int32), sizes[:-1]), known


def lines_of(path: Path) -> list[str]:
    """The lines of a file that hold something."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def only_file(folder: Path, wanted: Callable[[Path], bool], described: str) -> Path:
    """The one file of ``folder`` that is wanted; InputError where there is none or another."""
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    found = [path for path in files if wanted(path)]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} files of the format {described!r}, one is needed",
            where=str(folder),
            why=", ".join(path.name for path in found) or "no file reads that way",
            next_step="point --data at a folder of that format",
        )
    return found[0]


def is_sequences(path: Path) -> bool:
    """Whether the first lines are numbers with single spaces between them."""
    looked = first_lines(path)
    return bool(looked) and all("\t" not in x and are_numbers(x.split(" ")) for x in looked)


def are_numbers(words: list[str]) -> bool:
    """Whether every word is a whole number."""
    return all(word.isdigit() for word in words)


def first_lines(path: Path) -> list[str]:
    """Enough lines to tell a format by; none of a file that is no text."""
    try:
        with path.open(encoding="utf-8") as file:
            return [line.strip() for _, line in zip(range(_LOOKED_AT_LINES), file, strict=False)]
    except UnicodeDecodeError:
        return []


def _titles(folder: Path) -> dict[str, str]:
    """Titles by item of the first table that has them."""
    for path in sorted(folder.iterdir()):
        header = (first_lines(path) or [""])[0].split("\t") if path.is_file() else []
        if {"item_id", "title"} <= set(header):
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                return {row["item_id"]: row["title"] or "" for row in rows}
    return {}
