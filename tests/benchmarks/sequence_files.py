"""Readers of the two public sequence formats; files are found by what is in them, never by name.

S3-Rec: a line per user, ``user item item ...`` in time order. SR-GNN: a file of train sessions
(``item item ...`` in time order of sessions) and a file of requests, ``prefix TAB next item``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from governance.errors import InputError
from training.sequences import Requests, Sequences, sequences_of

_LOOKED_AT_LINES = 50


@dataclass(frozen=True)
class SessionFiles:
    train: Sequences
    test: Requests


def read_user_sequences(folder: Path) -> Sequences:
    """The one file in ``folder`` whose lines are a user and then items; items become codes."""
    path = _only(folder, _is_sequences, "user item item ... per line (S3-Rec)")
    lines = [np.array(line.split(), dtype=np.int64) for line in _lines(path)]
    codes, item_count = _codes([line[1:] for line in lines])
    return sequences_of(codes, item_count)


def read_sessions(folder: Path) -> SessionFiles:
    """Train sessions and test requests of ``folder``; codes over the items of both."""
    test_path = _only(folder, _is_requests, "prefix TAB next item per line (SR-GNN test)")
    train_path = _only(folder, _is_sequences, "item item ... per line (SR-GNN train sessions)")
    train = [np.array(line.split(), dtype=np.int64) for line in _lines(train_path)]
    test = [np.array(line.split(), dtype=np.int64) for line in _lines(test_path)]
    codes, item_count = _codes(train + test)
    asked = codes[len(train) :]
    sizes = np.array([len(items) for items in asked])
    # prefixes of one session stand together, longest first
    group = np.cumsum(np.r_[True, sizes[1:] >= sizes[:-1]])
    target = np.array([items[-1] for items in asked], dtype=np.int32)
    requests = Requests([items[:-1] for items in asked], target, group.astype(np.int32))
    return SessionFiles(sequences_of(codes[: len(train)], item_count), requests)


def _codes(lists: list[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """The same lists with items numbered from 0."""
    sizes = np.cumsum([len(items) for items in lists])
    known, code = np.unique(np.concatenate(lists), return_inverse=True)
    return np.split(code.astype(np.int32), sizes[:-1]), len(known)


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


def _numbers(words: list[str]) -> bool:
    return all(word.isdigit() for word in words)


def _first_lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            return [line.strip() for _, line in zip(range(_LOOKED_AT_LINES), file, strict=False)]
    except UnicodeDecodeError:
        return []
