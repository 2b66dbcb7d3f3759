"""Apply and materialise: declarations into the registry, newest values into the online store."""

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from feature_repo.applied import declared_path
from feature_repo.store import apply, materialise
from flows.stages import Progress, StepResult
from governance.declarations import read_feature_models
from governance.errors import StateError
from governance.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Everything up to the build's own day goes online; earlier events never replace later ones."""
    for path in (settings.online_path, settings.home_dir / "registry.db"):
        remove_if_torn(path)
    progress("applying the declarations to the registry")
    apply(settings)
    as_of = build_day(settings)
    rows = materialise(
        settings,
        as_of=as_of,
        progress=lambda view, done, total: progress(f"{view}: {done:,} of {total:,} entities"),
    )
    redis = settings.redis_url.split(",")[0]  # what follows may be a password
    where = redis if settings.online_store == "redis" else str(settings.online_path)
    outputs = [settings.online_path] if settings.online_store == "sqlite" else []
    registry = settings.home_dir / "registry.db"
    if settings.registry_database_url == f"sqlite:///{registry}":
        outputs.append(registry)
    return StepResult(
        f"{sum(rows.values()):,} rows of {len(rows)} views as of {as_of:%Y-%m-%d} -> {where}",
        (*outputs, declared_path(settings)),
        {"as_of": as_of.isoformat(), "rows": rows},
    )


def remove_if_torn(path: Path) -> None:
    """Delete an SQLite file that is no database: all it held is made anew from the features."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("select count(*) from sqlite_master").fetchall()
    except sqlite3.DatabaseError:
        logger.warning("%s is torn and is made anew", path)
        for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            part.unlink(missing_ok=True)


def build_day(settings: Settings) -> datetime:
    """The day the feature tables were built for (UTC midnight): their newest snapshot."""
    latest: list[datetime] = []
    with duckdb.connect() as con:
        for model in read_feature_models(settings.dbt_dir):
            path = settings.features_dir / f"{model.name}.parquet"
            query = f"select max({model.timestamp}) from read_parquet(?)"
            found = con.execute(query, [str(path)]).fetchall()
            latest += [row[0] for row in found if row[0] is not None]
    if not latest:
        raise StateError(
            "the feature tables are empty",
            where=str(settings.features_dir),
            why="no feature table has a row, so there is nothing to serve",
            next_step="check the import: counterfoil audit shows what came in",
        )
    return max(latest).replace(tzinfo=UTC)
