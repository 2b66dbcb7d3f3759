"""Import a shop: check its files, then land each of its raw tables.

The one way in for the flow and the command line: ``counterfoil import SHOP [--source FILE]``, and
``--reviews FILE`` or ``--stock FILE`` for a table beside it.
"""

import http.client
import shutil
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.importers.raw_select import RawSelect
from governance.errors import InputError
from governance.settings import SHOPS, Settings

if TYPE_CHECKING:
    import duckdb

    from flows.importers.landing import Landing

_DOWNLOAD_SECONDS = 120  # without a byte for so long, the server is taken as gone


def import_shop(
    shop: str,
    *,
    source: str | None,
    settings: Settings,
    progress: Callable[[str], None] | None = None,
    landed_at: datetime | None = None,
) -> tuple["Landing", ...]:
    """Land every raw table of ``shop``; ``progress`` hears each table's name before it starts.

    ``source`` is a folder for Complete Journey (default: the installed package) and a file or
    an http(s) address for Online Retail.
    """
    _check_shop(shop)
    at = landed_at or datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder, _connect(settings) as con:
        landings = []
        for select in _selects(con, shop, source, Path(folder)):
            if progress is not None:
                progress(select.table)
            landings.append(_land(con, select, shop=shop, raw_dir=settings.raw_dir, at=at))
    return tuple(landings)


def import_beside(
    table: str, source: str, *, settings: Settings, landed_at: datetime | None = None
) -> "Landing":
    """Land a file, or one behind an http(s) address, as a side table of the settings' shop."""
    from flows.importers.side_tables import side_select

    with tempfile.TemporaryDirectory() as folder, _connect(settings) as con:
        select = side_select(con, table, _fetch(source, Path(folder)), name=source)
        at = landed_at or datetime.now(UTC)
        return _land(con, select, shop=settings.shop, raw_dir=settings.raw_dir, at=at)


def _land(
    con: "duckdb.DuckDBPyConnection",
    select: RawSelect,
    *,
    shop: str,
    raw_dir: Path,
    at: datetime,
) -> "Landing":
    from flows.importers.landing import land  # DuckDB and pyarrow: not for --help

    return land(
        select.table,
        select.sql,
        con,
        shop=shop,
        raw_dir=raw_dir,
        source=select.source,
        source_sha256=select.source_sha256,
        landed_at=at,
    )


def _selects(
    con: "duckdb.DuckDBPyConnection", shop: str, source: str | None, download_dir: Path
) -> tuple[RawSelect, ...]:
    if shop == "complete_journey":
        from flows.importers import complete_journey

        folder = Path(source) if source else complete_journey.package_folder()
        return complete_journey.selects(con, folder)
    from flows.importers import online_retail

    path = _fetch(source, download_dir) if source else _no_source(shop)
    return online_retail.selects(con, path, name=source or "")


def _connect(settings: Settings) -> "duckdb.DuckDBPyConnection":
    import duckdb

    con = duckdb.connect(
        config={"threads": settings.threads, "memory_limit": settings.duckdb_memory_limit}
    )
    con.execute("set TimeZone = 'UTC'").fetchall()
    return con


def _check_shop(shop: str) -> None:
    if shop in SHOPS:
        return
    from flows.importers.source_files import closest

    near = closest(shop, list(SHOPS)) or SHOPS[0]
    raise InputError(
        f"unknown shop {shop}",
        where=f"shop {shop}",
        why=f"the shops are {', '.join(SHOPS)}",
        next_step=f"counterfoil import {near}",
    )


def _no_source(shop: str) -> Path:
    raise InputError(
        f"shop {shop} needs its file",
        where=f"counterfoil import {shop}",
        why="its data comes from a file or address that you give",
        next_step=f"counterfoil import {shop} --source FILE_OR_URL",
    )


def _fetch(source: str, folder: Path) -> Path:
    """``source`` itself, or the file behind its address."""
    address = urllib.parse.urlparse(source)
    if address.scheme not in {"http", "https"}:
        return Path(source).expanduser()
    path = folder / (Path(urllib.parse.unquote(address.path)).name or "download")
    try:
        with (
            urllib.request.urlopen(source, timeout=_DOWNLOAD_SECONDS) as answer,  # noqa: S310
            path.open("wb") as stream,
        ):
            shutil.copyfileobj(answer, stream)
            promised = answer.headers.get("Content-Length", stream.tell())
        if path.stat().st_size != int(promised):
            raise OSError(f"{path.stat().st_size} of {promised} bytes arrived")
    except (OSError, ValueError, http.client.HTTPException) as error:  # OSError: URLError too
        raise InputError(
            "the file cannot be fetched",
            where=source,
            why=str(error),
            next_step="open the address in a browser, or fetch the file and give its path",
        ) from None
    return path
