"""``counterfoil scan-personal-data``: what a shop's texts, or files, hold of people, by count.

Nothing raw leaves it: counts, kinds and masked samples (``training/personal_data/scan.py``). Texts
are read a few at a time, so that a log of any size fits in memory.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from flows.importers.landing import Landing, current_landing
from governance.errors import InputError, StateError
from governance.settings import Settings
from training.personal_data.model import CATALOGUE_LEAST, PersonalData
from training.personal_data.scan import TextScan, scan_columns

Progress = Callable[[str], None]
COLUMNS: Mapping[str, tuple[str, ...]] = {  # what people write, of the raw tables a shop may have
    "items": ("title", "description"),
    "searches": ("query",),
    "reviews": ("title", "body"),
}
MOST_AT_ONCE = 10_000  # characters; a longer line is read in pieces, each counted as a text
_CLEAN = ("items", "searches")  # nearly every text is: a tagger has to be surer there
_ROWS = 10_000  # in memory at once
_SAID_EVERY = 10_000  # texts
_CUT_WITHIN = 2_000  # last characters of a piece in which a break is looked for
_BREAK = re.compile(r"[\n;,\"{}<>|]")  # no card, number or address goes on over one of these
_NO_TEXT = (  # Parquet, gzip, zip, bzip2, xz, zstd, UTF-16
    b"PAR1", b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd",
    b"\xff\xfe", b"\xfe\xff",
)  # fmt: skip


def scan_shop(
    settings: Settings, finder: PersonalData, key: bytes, progress: Progress
) -> dict[str, TextScan]:
    """A scan of each column of text that the shop has landed, as ``table.column``."""
    found: dict[str, TextScan] = {}
    surer = replace(finder, least=max(finder.least, CATALOGUE_LEAST))
    for table, columns in COLUMNS.items():
        if (landing := current_landing(settings.raw_dir, settings.shop, table)) is None:
            continue
        texts = {
            f"{table}.{name}": _rows(landing, name, _most(finder))
            for name in columns
            if name in landing.columns
        }
        followed = {name: _followed(name, of, progress) for name, of in texts.items()}
        found |= scan_columns(followed, surer if table in _CLEAN else finder, key=key)
    if not found:
        raise StateError(
            f"shop {settings.shop} has no texts",
            where=str(settings.raw_dir / settings.shop),
            why=f"none of its tables {', '.join(COLUMNS)} has been landed",
            next_step=f"counterfoil import {settings.shop}, or name files to scan",
        )
    return found


def simulated_tables(settings: Settings) -> list[str]:
    """Those of the shop's tables of text that hold rows of the simulator."""
    found = []
    for table in COLUMNS:
        landing = current_landing(settings.raw_dir, settings.shop, table)
        if landing is not None and "is_synthetic" in landing.columns:
            sql = "select coalesce(bool_or(is_synthetic), false) from read_parquet(?)"
            with duckdb.connect() as memory:
                ((is_simulated,),) = memory.execute(sql, [str(landing.path)]).fetchall()
            found += [table] if is_simulated else []
    return found


def scan_files(
    paths: Sequence[Path], finder: PersonalData, key: bytes, progress: Progress
) -> dict[str, TextScan]:
    """A scan of each file, a text in each line."""
    for path in paths:
        _refuse_unreadable(path)
    most = _most(finder)
    texts = {str(path): _followed(path.name, lines_of(path, most), progress) for path in paths}
    return scan_columns(texts, finder, key=key)


def lines_of(path: Path, most: int = MOST_AT_ONCE) -> Iterator[str]:
    """Lines without their ends, longer ones in pieces; what is no UTF-8 is read as U+FFFD."""
    rest = ""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        while part := lines.readline(most - len(rest)):
            text = rest + part
            is_whole = text.endswith("\n") or len(text) < most
            end = len(text) if is_whole else _end_of_piece(text)
            yield text[:end].removesuffix("\n")
            rest = text[end:]
    if rest:
        yield rest


def _most(finder: PersonalData) -> int:
    """Characters of one piece: what is longer a finder would not read to its end."""
    return min(MOST_AT_ONCE, finder.most_characters)


def _pieces(text: str | None, most: int) -> Iterator[str]:
    """The same of a text from a table."""
    rest = text or ""
    while len(rest) > most:
        end = _end_of_piece(rest[:most])
        yield rest[:end]
        rest = rest[end:]
    yield rest


def _end_of_piece(text: str) -> int:
    """After the last break near its end, else after the last space there, else its whole length."""
    begin = len(text) - _CUT_WITHIN
    breaks = [match.end() for match in _BREAK.finditer(text, begin)]
    return breaks[-1] if breaks else text.rfind(" ", begin) + 1 or len(text)


def _rows(landing: Landing, column: str, most: int) -> Iterator[str]:
    with pq.ParquetFile(landing.path) as table:
        for batch in table.iter_batches(batch_size=_ROWS, columns=[column]):
            for text in batch[0].to_pylist():
                yield from _pieces(text, most)


def _followed(name: str, texts: Iterable[str], progress: Progress) -> Iterator[str]:
    for number, text in enumerate(texts, start=1):
        if not number % _SAID_EVERY:
            progress(f"{name}: {number:,} texts")
        yield text


def _refuse_unreadable(path: Path) -> None:
    """A file that is not there, or whose lines are no texts: found clean, it would be believed."""
    try:
        if path.is_fifo():  # what was read of a pipe is gone
            return
        with path.open("rb") as file:
            begins = file.read(8)
    except OSError as error:
        raise InputError(
            "the file cannot be read",
            where=str(path),
            why=error.strerror or str(error),
            next_step="name text files, one text in each line",
        ) from None
    if begins.startswith(_NO_TEXT):
        raise InputError(
            "the file is no text",
            where=str(path),
            why="it is Parquet, packed or UTF-16: what it holds would not be seen",
            next_step="unpack it, or write its texts to a file of UTF-8, one in each line",
        )
