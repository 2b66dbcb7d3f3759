"""Land a raw table: one immutable Parquet file and its manifest, whole or not at all.

A landing is the folder ``raw/<shop>/<table>/<landing id>/`` with ``part.parquet`` and
``manifest.json``. Its id comes from the source's digest, so landing the same source again finds
the folder and reuses it; a folder that a kill left half-written never got its name and is swept.
``current.json`` beside the folders names the landing that the next stage reads.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from governance.declarations import read_raw_tables
from governance.errors import InputError
from governance.files import atomic_path, digest_of, sha256_file, write_json
from governance.settings import PROJECT_ROOT

IMPORTER_VERSION = "1"  # raise it when an importer writes other rows for the same source
PART_NAME = "part.parquet"
MANIFEST_NAME = "manifest.json"
POINTER_NAME = "current.json"
_ID_LENGTH = 12  # 48 bits: a shop has dozens of landings


@dataclass(frozen=True)
class Landing:
    """One landed table; ``path`` is its Parquet file, ``columns`` its names and DuckDB types."""

    shop: str
    table: str
    landing_id: str
    path: Path
    source: str
    source_sha256: str
    sha256: str
    rows: int
    columns: dict[str, str]
    landed_at: datetime  # aware UTC


def land(
    table: str,
    relation: str | pa.Table,
    con: duckdb.DuckDBPyConnection,
    *,
    shop: str,
    raw_dir: Path,
    source: str,
    source_sha256: str,
    landed_at: datetime,
    is_empty_allowed: bool = False,
) -> Landing:
    """Write ``relation`` (a SELECT, or an Arrow table) as the current landing of ``table``."""
    landing_id = _landing_id(table, source_sha256)
    folder = raw_dir / shop / table / landing_id
    _sweep(folder.parent)
    landing = _read_landing(folder)
    if landing is None:
        select = _as_select(table, relation, con)
        _check_shape(table, select, con, source=source)
        manifest = {
            "shop": shop,
            "table": table,
            "source": source,
            "source_sha256": source_sha256,
            "landed_at": landed_at.astimezone(UTC).isoformat(),
        }
        landing = _write(select, con, folder, manifest, is_empty_allowed=is_empty_allowed)
    write_json(folder.parent / POINTER_NAME, {"landing_id": landing.landing_id})
    return landing


def current_landing(raw_dir: Path, shop: str, table: str) -> Landing | None:
    """The landing that ``current.json`` names, else the newest whole one, else None."""
    folder = raw_dir / shop / table
    pointed = _pointed_id(folder / POINTER_NAME)
    if pointed is not None and (landing := _read_landing(folder / pointed)) is not None:
        return landing
    if not folder.is_dir():
        return None
    found = (_read_landing(child) for child in sorted(folder.iterdir()) if child.is_dir())
    whole = [landing for landing in found if landing is not None]
    return max(whole, key=lambda landing: (landing.landed_at, landing.landing_id), default=None)


def landing_named(raw_dir: Path, shop: str, table: str, landing_id: str) -> Landing | None:
    """An earlier landing, which stays beside later ones; None where it is gone or not whole."""
    return _read_landing(raw_dir / shop / table / landing_id)


def declared_columns(table: str) -> dict[str, str]:
    """Names and DuckDB types of a raw table, in order, from dbt/models/sources."""
    tables = {raw.name: raw for raw in read_raw_tables(PROJECT_ROOT / "dbt")}
    if table not in tables:
        raise InputError(
            f"there is no raw table {table}",
            where="dbt/models/sources",
            why=f"the shop contract has {', '.join(tables)}",
            next_step=f"declare it in dbt/models/sources/raw__{table}.yml",
        )
    return {column.name: column.data_type.upper() for column in tables[table].columns}


def _landing_id(table: str, source_sha256: str) -> str:
    return digest_of([source_sha256, IMPORTER_VERSION, table])[:_ID_LENGTH]


def _sweep(folder: Path) -> None:
    """Remove what a killed run left beside the landings; such names begin with a dot."""
    for left in folder.glob(".*.tmp"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _as_select(table: str, relation: str | pa.Table, con: duckdb.DuckDBPyConnection) -> str:
    if isinstance(relation, str):
        return relation
    con.register(f"arrow_{table}", relation)
    return f"select * from arrow_{table}"


def _check_shape(table: str, select: str, con: duckdb.DuckDBPyConnection, *, source: str) -> None:
    declared = declared_columns(table)
    described = con.execute(f"describe {select}").fetchall()
    given = {str(row[0]): str(row[1]) for row in described}
    if given == declared:
        return
    wrong = [name for name in declared if given.get(name) != declared[name]]
    wrong += [name for name in given if name not in declared]
    name = wrong[0]
    raise InputError(
        f"raw table {table} does not have the shape of the shop contract",
        where=f"{source}, column {name}",
        why=f"wanted {declared.get(name, 'no such column')}, got {given.get(name, 'no column')}",
        next_step=f"correct the importer; dbt/models/sources/raw__{table}.yml declares the columns",
    )


def _write(
    select: str,
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    manifest: dict[str, str],
    *,
    is_empty_allowed: bool,
) -> Landing:
    columns = declared_columns(manifest["table"])
    with atomic_path(folder) as beside:
        beside.mkdir()
        part = beside / PART_NAME
        target = str(part).replace("'", "''")
        con.execute(
            f"copy (select {', '.join(columns)} from ({select})) "
            f"to '{target}' (format parquet, compression zstd)"
        ).fetchall()
        rows = int(con.execute(f"select count(*) from read_parquet('{target}')").fetchall()[0][0])
        if rows == 0 and not is_empty_allowed:
            raise _empty(manifest)
        sealed = {**manifest, "sha256": sha256_file(part), "rows": rows, "columns": columns}
        write_json(beside / MANIFEST_NAME, sealed)
    return _landing(folder, sealed)


def _empty(manifest: dict[str, str]) -> InputError:
    return InputError(
        f"table {manifest['table']} of shop {manifest['shop']} would have no rows",
        where=manifest["source"],
        why="the source has none; a shop without them would train on nothing",
        next_step="check that the file is the whole data set",
    )


def _read_landing(folder: Path) -> Landing | None:
    """The landing in ``folder``, or None where it is absent or its file is not as declared."""
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        landing = _landing(folder, manifest)
        is_whole = sha256_file(landing.path) == landing.sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return landing if is_whole else None


def _landing(folder: Path, manifest: dict[str, object]) -> Landing:
    columns = manifest["columns"]
    return Landing(
        shop=str(manifest["shop"]),
        table=str(manifest["table"]),
        landing_id=folder.name,
        path=folder / PART_NAME,
        source=str(manifest["source"]),
        source_sha256=str(manifest["source_sha256"]),
        sha256=str(manifest["sha256"]),
        rows=int(str(manifest["rows"])),
        columns={str(k): str(v) for k, v in columns.items()} if isinstance(columns, dict) else {},
        landed_at=datetime.fromisoformat(str(manifest["landed_at"])),
    )


def _pointed_id(pointer: Path) -> str | None:
    try:
        return str(json.loads(pointer.read_text(encoding="utf-8"))["landing_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
