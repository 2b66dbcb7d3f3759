"""One side of ``features_materialise.py`` in a process of its own, so that its memory is its own.

``python tests/benchmarks/materialise_side.py JSON``: through Feast's ``store.materialize``, with
our offline store, online store and engine or with stock Feast's, a fresh online store each time.
Prints seconds, rows and the process's peak memory as JSON; ``write_table`` makes what is read.
"""

import json
import logging
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))

FEATURES = 16
TTL = timedelta(days=365)
END = datetime(2018, 1, 1, tzinfo=UTC)
HISTORY = 1.5  # rows an entity has on average; the newest one counts


def write_table(path: Path, entities: int) -> int:
    """Rows of 8 whole and 8 broken numbers in no order, one in twenty null; how many rows."""
    draw = np.random.default_rng(20170101)
    owners = np.concatenate([np.arange(entities), draw.integers(0, entities, entities // 2)])
    draw.shuffle(owners)
    days = draw.integers(0, 364, len(owners)) * np.timedelta64(86_400_000_000, "us")
    times = pa.array(np.datetime64("2017-01-02", "us") + days)
    columns = {"item_id": pa.array(owners).cast(pa.string())}
    columns |= {"event_timestamp": times, "created_at": times}
    for number in range(FEATURES):
        whole = number % 2 == 0
        values = draw.integers(0, 1000, len(owners)) if whole else draw.random(len(owners))
        columns[f"f{number:02}"] = pa.array(values, mask=draw.random(len(owners)) < 0.05)
    pq.write_table(pa.table(columns), path, row_group_size=122_880)
    return len(owners)


def open_store(side: str, *, home: Path, table: Path, kind: str, redis_port: int):
    """A Feast store of one view over ``table``, by ours or by stock plug-ins."""
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Float64, Int64, String

    ours = "feature_repo.stores"
    address = f"127.0.0.1:{redis_port}"
    plugs = {
        "ours": {
            "offline_store": {"type": f"{ours}.asof_offline.AsofOfflineStore"},
            "batch_engine": {"type": f"{ours}.arrow_engine.ArrowEngine"},
            "online_store": {
                "type": f"{ours}.packed_online.PackedOnlineStore",
                "backend": kind,
                "path": str(home / "online.db"),
                "redis_url": address,
            },
        },
        "stock": {
            "offline_store": {"type": "duckdb"},
            "batch_engine": {"type": "local"},
            "online_store": {"type": "sqlite", "path": str(home / "online.db")}
            if kind == "sqlite"
            else {"type": "redis", "connection_string": address},
        },
    }[side]
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(home / "registry.db"),
        entity_key_serialization_version=3,
        materialization={"pull_latest_features": True},
        **plugs,
    )
    store = FeatureStore(config=config)
    item = Entity(name="item_id", join_keys=["item_id"], value_type=ValueType.STRING)
    types = [Int64 if number % 2 == 0 else Float64 for number in range(FEATURES)]
    view = FeatureView(
        name="items",
        entities=[item],
        schema=[
            Field(name="item_id", dtype=String),
            *(Field(name=f"f{number:02}", dtype=kind) for number, kind in enumerate(types)),
        ],
        source=FileSource(
            name="items",
            path=str(table),
            timestamp_field="event_timestamp",
            created_timestamp_column="created_at",
        ),
        ttl=TTL,
    )
    store.apply([item, view])
    return store


def peak_mib() -> int:
    """The most memory this process has held; getrusage would count its parent's before exec."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def main() -> None:
    given = json.loads(sys.argv[1])
    logging.disable(logging.WARNING)
    home, seconds, before = Path(given["home"]), [], 0
    for number in range(given["repeats"]):
        if given["redis_port"]:
            import redis

            redis.Redis(port=given["redis_port"]).flushall()
        fresh = home / f"{given['side']}-{given['kind']}-{number}"
        fresh.mkdir()
        store = open_store(
            given["side"],
            home=fresh,
            table=Path(given["table"]),
            kind=given["kind"],
            redis_port=given["redis_port"],
        )
        before = before or peak_mib()
        start = time.perf_counter()
        store.materialize(END - TTL, END)
        seconds.append(time.perf_counter() - start)
        found = store.get_online_features(
            features=["items:f00"], entity_rows=[{"item_id": key} for key in given["ids"]]
        ).to_dict()
        values = found["f00"]
        for path in fresh.glob("online.db*"):
            path.unlink()
    answer = {"seconds": seconds, "peak_mib": peak_mib(), "before_mib": before, "values": values}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
