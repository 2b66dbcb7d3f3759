"""One side of one work of ``features_growth.py``, in a process of its own; prints its figures.

``python growth_sides.py WORK SIDE HOME``. Works: ``build`` (floor only: ours is the main job's own
stages, and Feast has no build), ``join`` and ``materialise``. Sides: ours; floor, which moves the
same bytes by bare DuckDB or SQLite; stock, which is Feast's own stores. Imports, the registry and
reading what is given are outside the timed part.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[2]))

from materialise_side import peak_mib

from feature_repo.services import service_views
from governance.declarations import read_feature_models
from governance.settings import Settings
from training.training_set import SERVICE

CHUNK_ROWS = 20_000
DUCKDB = {"threads": 2, "memory_limit": "3GB"}
Work = Callable[[], int]  # rows that were written


def main() -> None:
    """Prepare, run once, tell."""
    work, side, home = sys.argv[1:]
    prepared = SIDES[work, side](Settings(home=Path(home)))
    before = peak_mib()
    started = time.perf_counter()
    rows = prepared()
    seconds = time.perf_counter() - started
    told = {"seconds": seconds, "rows": rows, "peak_mib": peak_mib(), "before_mib": before}
    sys.stdout.write("\n" + json.dumps(told) + "\n")


def build_floor(settings: Settings) -> Work:
    """Every raw row read and written once, as Parquet."""
    paths = sorted(settings.raw_dir.rglob("*.parquet"))

    def run() -> int:
        rows = 0
        with duckdb.connect(config=DUCKDB) as connection:
            connection.execute("set preserve_insertion_order = false").fetchall()
            for path in paths:
                copied = f"copy (from '{path}') to '{settings.home_dir / 'copied.parquet'}'"
                rows += connection.execute(copied).fetchall()[0][0]
        return rows

    return run


def join_ours(settings: Settings) -> Work:
    from feature_repo.store import apply, historical_rows

    apply(settings)
    labels, joined = settings.home_dir / "labels.parquet", settings.home_dir / "joined.parquet"
    return lambda: historical_rows(labels, joined, service=SERVICE, settings=settings)


def join_floor(settings: Settings) -> Work:
    """One statement: an ASOF join a view on when its rows became known, then the ttl."""
    features, joins = [], []
    for number, (model, columns) in enumerate(service_views(SERVICE)):
        view, path = f"v{number}", settings.features_dir / f"{model.name}.parquet"
        keys, event = ", ".join(model.entities), model.timestamp
        known = f"greatest({event}, {model.created_timestamp})"
        same = " and ".join(f"l.{key} = {view}.{key}" for key in model.entities)
        names = ", ".join(column.name for column in columns)
        days = model.ttl / timedelta(microseconds=1) if model.ttl else None
        fresh = f"l.event_timestamp - {view}.{event} <= to_microseconds({days:.0f})"
        features += [
            f"case when {fresh} then {view}.{column.name} end as {column.name}"
            for column in columns
        ]
        joins.append(f"""
            asof left join (
                select {keys}, {event}, {known} as known_at, {names} from read_parquet('{path}')
                qualify {event} = max({event}) over (partition by {keys} order by {known})
            ) as {view} on {same} and l.event_timestamp >= {view}.known_at
        """)
    labels, joined = (
        settings.home_dir / "labels.parquet",
        settings.home_dir / "joined-floor.parquet",
    )
    query = f"""
        copy (
            select l.* exclude (file_row_number), {", ".join(features)}
            from read_parquet('{labels}', file_row_number = true) as l {" ".join(joins)}
            order by l.file_row_number
        ) to '{joined}'
    """

    def run() -> int:
        with duckdb.connect(config=DUCKDB) as connection:
            return connection.execute(query).fetchall()[0][0]

    return run


def join_stock(settings: Settings) -> Work:
    import pandas as pd

    store, service = stock_store(settings), SERVICE
    frame = pd.read_parquet(settings.home_dir / "labels.parquet")
    wanted = store.get_feature_service(service)
    return lambda: len(
        store.get_historical_features(frame, wanted, filter_by_created_timestamp=True).to_arrow()
    )


def materialise_ours(settings: Settings) -> Work:
    from feature_repo.store import apply, materialise
    from flows.steps.materialise import build_day

    settings.online_path.unlink(missing_ok=True)
    apply(settings)
    as_of = build_day(settings)
    return lambda: sum(materialise(settings, as_of=as_of).values())


def materialise_floor(settings: Settings) -> Work:
    """The packed records that ours wrote, ready in memory, into a new SQLite file."""
    ready: list[tuple[bytes, bytes]] = []
    with closing(sqlite3.connect(settings.online_path)) as online:
        for (table,) in online.execute(
            "select name from sqlite_master where name not in"
            " ('view_state', 'materialising') and name not like 'sqlite%' and type = 'table'"
        ).fetchall():
            found = online.execute(f'select * from "{table}" order by 1').fetchall()
            ready += [(row[0], cell) for row in found for cell in row[1:] if cell is not None]
    path = settings.home_dir / "floor.db"
    path.unlink(missing_ok=True)

    def run() -> int:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute("create table r (n integer primary key, k blob, v blob)")
            for first in range(0, len(ready), CHUNK_ROWS):
                connection.execute("begin")
                part = ready[first : first + CHUNK_ROWS]
                connection.executemany("insert into r (k, v) values (?, ?)", part)
                connection.execute("commit")
        return len(ready)

    return run


def materialise_stock(settings: Settings) -> Work:
    from flows.steps.materialise import build_day

    store, as_of = stock_store(settings), build_day(settings)
    models = [model for model in read_feature_models(settings.dbt_dir) if model.is_online]
    ttl = max(model.ttl for model in models if model.ttl)
    names = [model.name for model in models]

    def run() -> int:
        store.materialize(as_of - ttl, as_of, feature_views=names)
        with closing(sqlite3.connect(settings.home_dir / "stock.db")) as online:
            tables = online.execute(
                "select name from sqlite_master where type = 'table'"
            ).fetchall()
            count = "select count(distinct entity_key) from"
            return sum(online.execute(f'{count} "{name}"').fetchone()[0] for (name,) in tables)

    return run


def stock_store(settings: Settings):
    """Feast with its own DuckDB, SQLite and local engine on our declarations and tables."""
    from feast import FeatureStore, RepoConfig

    from feature_repo import views

    for path in settings.home_dir.glob("stock.*"):
        path.unlink()
    store = FeatureStore(
        config=RepoConfig(
            project="stock",
            provider="local",
            registry={"registry_type": "file", "path": str(settings.home_dir / "stock.pb")},
            offline_store={"type": "duckdb"},
            batch_engine={"type": "local"},
            online_store={"type": "sqlite", "path": str(settings.home_dir / "stock.db")},
            entity_key_serialization_version=3,
            repo_path=settings.home_dir,
            materialization={"pull_latest_features": True},
        )
    )
    models = read_feature_models(settings.dbt_dir)
    declared = views.feature_views(models, features_dir=settings.features_dir)
    services = views.feature_services(declared, dbt_dir=settings.dbt_dir)
    store._get_provider().offline_store  # noqa: B018  imports it before the timed part
    store.apply([*views.entities(models).values(), *declared.values(), *services.values()])
    return store


SIDES = {
    ("build", "floor"): build_floor,
    ("join", "ours"): join_ours,
    ("join", "floor"): join_floor,
    ("join", "stock"): join_stock,
    ("materialise", "ours"): materialise_ours,
    ("materialise", "floor"): materialise_floor,
    ("materialise", "stock"): materialise_stock,
}

if __name__ == "__main__":
    main()
