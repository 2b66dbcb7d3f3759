"""The sides that ``features_join.py`` compares, each run once in a process of its own.

floor: one hand-written DuckDB statement, the fastest found that gives the same result; ours and
stock: ``get_historical_features`` of Feast with our offline store and with Feast's DuckDB store.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))

OURS = "feature_repo.stores.asof_offline.AsofOfflineStore"

_FLOOR = """
    select l.*, {features}
    from (select *, row_number() over () as place from labels) as l
    asof left join {item} as item
        on l.item_id = item.item_id and l.event_timestamp >= item.known_at
    asof left join {user} as user_
        on l.user_id = user_.user_id and l.event_timestamp >= user_.known_at
    order by l.place
"""

# Rows that a newer one had overtaken when they became known are never seen; key and event are
# unique here, so that no other tie is left.
_FLOOR_SIDE = """(
    select {entity}_id, event_timestamp, greatest(event_timestamp, created_at) as known_at,
        columns('{entity}_f.*')
    from read_parquet('{path}')
    qualify event_timestamp = max(event_timestamp) over (
        partition by {entity}_id order by greatest(event_timestamp, created_at)
    )
)"""


def run_side(side: str, folder: Path, labels: str) -> dict[str, float]:
    """Time one side once; its result stays in the folder."""
    asked = pq.read_table(folder / f"{labels}.parquet")
    job = SIDES[side](folder, asked)
    before_mib = _peak_mib()
    cpu, started = time.process_time(), time.perf_counter()
    joined = job()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    figures = {"seconds": seconds, "cpu_seconds": cpu, "peak_mib": _peak_mib()}
    pq.write_table(joined.replace_schema_metadata(None), folder / f"{side}-{labels}.parquet")
    return figures | {"before_mib": before_mib}


def _peak_mib() -> float:
    """Of this process alone: getrusage would begin with what the parent held."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _floor(folder: Path, asked: pa.Table) -> Callable[[], pa.Table]:
    import duckdb

    fresh = "case when l.event_timestamp - {view}.event_timestamp <= interval 90 day"
    features = ", ".join(
        f"{fresh.format(view=view)} then {entity}_f{number} end as {entity}_f{number}"
        for entity, view in (("item", "item"), ("user", "user_"))
        for number in range(4)
    )
    sides = {
        entity: _FLOOR_SIDE.format(entity=entity, path=folder / f"{entity}s.parquet")
        for entity in ("item", "user")
    }
    query = _FLOOR.format(features=features, **sides)

    def run() -> pa.Table:
        with duckdb.connect(config={"threads": 2, "memory_limit": "3GB"}) as connection:
            connection.register("labels", asked)
            return connection.sql(query).to_arrow_table().drop_columns("place")

    return run


def _ours(folder: Path, asked: pa.Table) -> Callable[[], pa.Table]:
    store = _store(folder, OURS, _shop_views(folder))
    return lambda: store.get_historical_features(asked, _references(["item", "user"], 4)).to_arrow()


def _stock(folder: Path, asked: pa.Table) -> Callable[[], pa.Table]:
    store, frame = _store(folder, "duckdb", _shop_views(folder)), asked.to_pandas()
    references = _references(["item", "user"], 4)
    return lambda: store.get_historical_features(
        frame, references, filter_by_created_timestamp=True
    ).to_arrow()


def _wide(offline: str) -> Callable[[Path, pa.Table], Callable[[], pa.Table]]:
    """1,000 features of 20 views through one of Feast's offline stores."""

    def prepare(folder: Path, asked: pa.Table) -> Callable[[], pa.Table]:
        paths = _wide_paths(folder)
        store = _store(folder, offline, [_view("user", path.stem, path, 50) for path in paths])
        references = [f"{path.stem}:user_f{number}" for path in paths for number in range(50)]
        given = asked if offline == OURS else asked.to_pandas()
        chosen = {} if offline == OURS else {"filter_by_created_timestamp": True}
        return lambda: store.get_historical_features(
            given, references, full_feature_names=True, **chosen
        ).to_arrow()

    return prepare


def _wide_floor(folder: Path, asked: pa.Table) -> Callable[[], pa.Table]:
    """The same by an ASOF join a view, side by side: one statement of 20 took 4 x as long."""
    import duckdb

    fresh = "case when l.event_timestamp - w.event_timestamp <= interval 90 day"
    statements = []
    for path in _wide_paths(folder):
        features = ", ".join(
            f"{fresh} then w.user_f{number} end as {path.stem}__user_f{number}"
            for number in range(50)
        )
        side = _FLOOR_SIDE.format(entity="user", path=path)
        statements.append(
            f"select {features} from (select *, row_number() over () as place from labels) as l"
            f" asof left join {side} as w"
            " on l.user_id = w.user_id and l.event_timestamp >= w.known_at order by l.place"
        )

    def run() -> pa.Table:
        joined = asked
        with duckdb.connect(config={"threads": 2, "memory_limit": "3GB"}) as connection:
            connection.register("labels", asked)
            for statement in statements:
                part = connection.sql(statement).to_arrow_table()
                for name in part.column_names:
                    joined = joined.append_column(name, part[name])
        return joined

    return run


def _wide_paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("wide_[0-9]*.parquet"))


def _references(entities: list[str], width: int) -> list[str]:
    return [f"{entity}s:{entity}_f{number}" for entity in entities for number in range(width)]


def _shop_views(folder: Path) -> list[object]:
    return [_view(e, f"{e}s", folder / f"{e}s.parquet", 4) for e in ("item", "user")]


def _view(entity: str, name: str, path: Path, width: int) -> object:
    from feast import Entity, FeatureView, Field, FileSource, ValueType
    from feast.types import Float64, Int64, String

    key = Entity(name=f"{entity}_id", value_type=ValueType.STRING)
    features = [Field(name=f"{entity}_f{i}", dtype=(Int64, Float64)[i % 2]) for i in range(width)]
    source = FileSource(
        name=name,
        path=str(path),
        timestamp_field="event_timestamp",
        created_timestamp_column="created_at",
    )
    return FeatureView(
        name=name,
        entities=[key],
        schema=[Field(name=f"{entity}_id", dtype=String), *features],
        source=source,
        ttl=timedelta(days=90),
    )


def _store(folder: Path, offline: str, views: list[object]) -> object:
    from feast import Entity, FeatureStore, RepoConfig, ValueType

    name = offline.rsplit(".", 1)[-1].lower() + str(len(views))
    store = FeatureStore(
        config=RepoConfig(
            project=f"bench_{name}",
            provider="local",
            registry={"registry_type": "file", "path": str(folder / f"{name}.pb")},
            offline_store={"type": offline},
            online_store={"type": "sqlite", "path": str(folder / f"{name}.db")},
            entity_key_serialization_version=3,
            repo_path=folder,
        )
    )
    names = dict.fromkeys(key for view in views for key in view.entities)
    store._get_provider().offline_store  # noqa: B018  imports the store before the timed part
    store.apply([Entity(name=key, value_type=ValueType.STRING) for key in names] + views)
    return store


SIDES = {
    "floor": _floor,
    "ours": _ours,
    "stock": _stock,
    "wide_floor": _wide_floor,
    "wide_ours": _wide(OURS),
    "wide_stock": _wide("duckdb"),
}
