"""Open the files a person gives us, and refuse the ones we cannot use with a reason.

Beside the importers, its only callers. A missing or unreadable file, a missing column, a value of
the wrong type and an empty table each become one InputError; nothing is guessed.
"""

import difflib
import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from governance.errors import InputError

ENCODINGS = ("utf-8", "latin-1")  # the published Online Retail CSV holds pound signs in Latin-1
_SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class Source:
    """A file that can be read: ``scan`` goes into a FROM clause and has no further columns."""

    path: Path
    scan: str


def open_source(con: duckdb.DuckDBPyConnection, path: Path, columns: Mapping[str, str]) -> Source:
    """``path`` as a scan whose ``columns`` all exist and hold values of the type named."""
    _check_file(path)
    source = Source(path, _scan(con, path))
    types = _types(con, source)
    _check_names(source, types, columns)
    _check_rows(con, source)
    for column, wanted in columns.items():
        if types[column] != wanted:
            _check_values(con, source, column, wanted)
    return source


def quoted(path: Path) -> str:
    """``path`` as a SQL string literal."""
    return "'" + str(path).replace("'", "''") + "'"


def closest(name: str, names: list[str]) -> str:
    """The one of ``names`` that looks most like ``name``, letter case aside; '' for none."""
    folded = {other.casefold(): other for other in names}
    found = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return folded[found[0]] if found else ""


def _check_file(path: Path) -> None:
    if not os.path.isfile(path):  # False, not an exception, where a folder is closed to us
        raise InputError(
            f"there is no file {path.name}",
            where=str(path),
            why="it is a folder" if path.is_dir() else "nothing is there",
            next_step="give the path of a .parquet or .csv file",
        )
    if path.suffix.lower() in _SUFFIXES:
        return
    workbook = path.suffix.lower() in {".xlsx", ".xls", ".zip"}
    raise InputError(
        f"{path.name} is not a file this importer reads",
        where=str(path),
        why=f"it reads {' and '.join(_SUFFIXES)}, not {path.suffix or 'a file without suffix'}",
        next_step="unpack or save it as CSV and import that" if workbook else "convert it first",
    )


def _scan(con: duckdb.DuckDBPyConnection, path: Path) -> str:
    if path.suffix.lower() == ".parquet":
        candidates = [f"read_parquet({quoted(path)})"]
    else:
        options = "header = true, all_varchar = true, delim = ','"
        candidates = [
            f"read_csv({quoted(path)}, {options}, encoding = '{encoding}')"
            for encoding in ENCODINGS
        ]
    refusal = ""
    for candidate in candidates:
        try:
            con.execute(f"select count(*), min(columns(*)) from {candidate}").fetchall()
            return candidate
        except duckdb.Error as error:
            refusal = refusal or str(error).splitlines()[0]
    raise InputError(
        f"{path.name} cannot be read",
        where=str(path),
        why=refusal,
        next_step="check that the download is whole and that the suffix tells the format",
    )


def _types(con: duckdb.DuckDBPyConnection, source: Source) -> dict[str, str]:
    described = con.execute(f"describe select * from {source.scan}").fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def _check_names(source: Source, types: Mapping[str, str], columns: Mapping[str, str]) -> None:
    for column in columns:
        if column in types:
            continue
        near = closest(column, [name for name in types if name not in columns])
        raise InputError(
            f"{source.path.name} has no column {column}",
            where=str(source.path),
            why=f"its columns are {', '.join(types)}",
            next_step=f"rename {near} to {column}" if near else f"add the column {column}",
        )


def _check_rows(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    if con.execute(f"select 1 from {source.scan} limit 1").fetchall():
        return
    raise InputError(
        f"{source.path.name} has no rows",
        where=str(source.path),
        why="it holds column names only",
        next_step="check that the file is the whole data set",
    )


def _check_values(con: duckdb.DuckDBPyConnection, source: Source, column: str, wanted: str) -> None:
    """Every value must cast to ``wanted`` and, for whole numbers, without losing a fraction."""
    cast = f"try_cast(value as {wanted})"
    is_bad = f"value is not null and {cast} is null"
    if wanted == "BIGINT":
        is_bad += f" or try_cast(value as double) is distinct from {cast}::double"
    bad = con.execute(
        f"""
        with numbered as (
            select "{column}" as value, row_number() over () as source_row
            from {source.scan}
        )
        select source_row, value::varchar from numbered where {is_bad}
        order by source_row limit 1
        """
    ).fetchall()
    if not bad:
        return
    row, value = bad[0]
    raise InputError(
        f"column {column} of {source.path.name} is not {wanted.lower()}",
        where=f"{source.path}, row {row}",
        why=f"the value is {value!r}",
        next_step=f"correct the value, or the column if it is another one than {column}",
    )
