"""From which day on the warehouse has to be made anew: the first whose raw rows differ.

A build leaves a checksum for each day of each watched relation (``meta.rebuilt`` of a mart names
relation and time column). The next build compares: everything before the first day that differs
stays (``dbt/macros/rebuild.sql``), however late the row that made it differ arrived. Other code,
rates or DuckDB, or nothing to compare with, and all is made anew. The file of checksums is
removed before dbt starts and written after it ended well, so a killed build is followed by a
whole one. Rows without a time (items, users) are read as they stand: a corrected brand reaches the
older rows of a feature that names it with the next whole build, which comes when
``dbt/built_days.json`` of the home is deleted.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import duckdb

from flows.ledger import code_digest
from governance.files import digest_of, write_json
from governance.settings import Settings

Checksums = dict[str, dict[str, str]]  # relation -> day -> rows and sum of their hashes


@dataclass(frozen=True)
class Built:
    """What the last whole build saw."""

    made_by: str  # digest of everything but the rows that decides what a build makes
    as_of: str  # no feature row is later
    days: Checksums


def first_day_to_rebuild(settings: Settings) -> date | None:
    """The day before which nothing has changed since the last build; None: make all anew."""
    before = _read(_path(settings))
    if before is None or before.made_by != _made_by(settings):
        return None
    try:
        days = _checksums(settings)
    except duckdb.Error:  # a warehouse that a kill tore, or none
        return None
    changed = [day for name in before.days for day in _differing(before.days[name], days[name])]
    if not changed:
        return None  # nothing is new, so somebody asked for all of it
    return date.fromisoformat(min(*changed, before.as_of))


def forget(settings: Settings) -> None:
    """A build starts: until it has ended well there is nothing to compare with."""
    _path(settings).unlink(missing_ok=True)


def remember(settings: Settings) -> None:
    """A build ended well: keep the checksums of what it was made from."""
    built = Built(_made_by(settings), _as_of(settings), _checksums(settings))
    write_json(_path(settings), asdict(built))


def _differing(before: dict[str, str], now: dict[str, str]) -> list[str]:
    return [day for day in before.keys() | now.keys() if before.get(day) != now.get(day)]


def _checksums(settings: Settings) -> Checksums:
    watched = _watched(settings.home_dir / "dbt" / "manifest.json")
    found: Checksums = {}
    with _warehouse(settings) as warehouse:
        for relation, happened_at in sorted(watched.items()):
            rows = warehouse.execute(
                f"select cast({happened_at} as date), count(*), sum(hash(r))"
                f" from {relation} as r where {happened_at} is not null group by all"
            ).fetchall()
            found[relation] = {str(day): f"{count} {total}" for day, count, total in rows}
    return found


def _watched(manifest_path: Path) -> dict[str, str]:
    """Relation -> time column, from the declarations of the marts as dbt last parsed them."""
    nodes = json.loads(manifest_path.read_text(encoding="utf-8"))["nodes"].values()
    rebuilt = [node["config"]["meta"].get("rebuilt") for node in nodes]
    return {spec["watched"]: spec["by"] for spec in rebuilt if spec}


def _as_of(settings: Settings) -> str:
    with _warehouse(settings) as warehouse:
        bounds = "select cast(as_of as date) from int_order_lines__bounded"
        return str(warehouse.execute(bounds).fetchall()[0][0])


def _made_by(settings: Settings) -> str:
    return digest_of(
        [settings.shop, code_digest(settings.dbt_dir), settings.usd_per_gbp, duckdb.__version__]
    )


def _warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    config = {"threads": settings.threads, "memory_limit": settings.duckdb_memory_limit}
    return duckdb.connect(str(settings.warehouse_path), read_only=True, config=config)


def _path(settings: Settings) -> Path:
    return settings.home_dir / "dbt" / "built_days.json"


def _read(path: Path) -> Built | None:
    try:
        return Built(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
