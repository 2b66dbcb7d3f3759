"""How fast a feature table comes online: newest rows out of Parquet, packed, written, checked in.

Command: ``python tests/benchmarks/features_materialise.py --json FILE [--small]``; part of
``make bench-features``. Ours and stock Feast both run ``store.materialize`` on the same generated
table of 16 features, each in a process of its own (``materialise_side.py``); stock, which does
1 to 2 thousand rows a second, on 20 k entities, and rows a second are compared. The floor writes
ready-made packed records: executemany into an empty SQLite table, or SET by Redis pipelines.
"""

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from features_online import redis_server
from materialise_side import FEATURES, write_table

from feature_repo.stores.packed_rows import RowFormat, key_bytes

SIZES, STOCK_ENTITIES = (120_000, 1_000_000), 20_000
STORES = ("sqlite", "redis")
STOCK_REPEATS = 5  # at most; each takes 4 s
CHUNK_ROWS, REDIS_ROWS = 20_000, 2_000
SIDE = Path(__file__).parent / "materialise_side.py"


def measure(*, repeats: int = 5, small: bool = False) -> dict[str, object]:
    """The section ``materialize``; every run fills an empty online store."""
    sizes, stock_entities = ((2_000, 8_000), 500) if small else (SIZES, STOCK_ENTITIES)
    section: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as port:
        home = Path(folder)
        tables = {entities: home / f"{entities}.parquet" for entities in (*sizes, stock_entities)}
        rows = {entities: write_table(path, entities) for entities, path in tables.items()}
        for kind in STORES:
            redis_port = port if kind == "redis" else 0
            stock = figures(
                run("stock", kind, tables[stock_entities], redis_port, min(repeats, STOCK_REPEATS)),
                stock_entities,
            )
            by_size = {}
            for entities in sizes:
                ours = figures(run("ours", kind, tables[entities], redis_port, repeats), entities)
                floor = floor_seconds(kind, tables[entities], home, redis_port, repeats)
                ours |= {f"floor_{name}": v for name, v in spread(floor).items()}
                ours["ratio_to_floor"] = round(ours["seconds"] / ours["floor_seconds"], 2)
                by_size[str(entities)] = ours | {"source_rows": rows[entities]}
            slowest = min(size["rows_per_second"] for size in by_size.values())
            section[kind] = {
                "rows_per_second": slowest,  # of both sizes, medians
                "speedup_vs_feast": round(slowest / stock["rows_per_second"], 1),
                "sizes": by_size,
                "feast": stock,
            }
    return {"materialize": section | {"features": FEATURES, "repeats": repeats}}


def run(side: str, kind: str, table: Path, redis_port: int, repeats: int) -> dict[str, object]:
    """What ``materialise_side.py`` answers."""
    with tempfile.TemporaryDirectory(dir=table.parent) as home:
        asked = {
            "side": side, "kind": kind, "table": str(table), "home": home,
            "redis_port": redis_port, "repeats": repeats, "ids": ["1", "2", "77", "absent"],
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-O", str(SIDE), json.dumps(asked)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{side} {kind} failed: {done.stderr[-2000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    expected = newest_values(table, asked["ids"])
    if answer["values"] != expected:
        raise SystemExit(f"{side} {kind} read {answer['values']}, the table has {expected}")
    return answer


def newest_values(table: Path, ids: Sequence[str]) -> list[int | None]:
    """f00 of each id's newest row, by hand; rows of one day: the last in the file."""
    columns = ["item_id", "event_timestamp", "f00"]
    rows = pq.read_table(table, columns=columns, filters=[("item_id", "in", list(ids))]).to_pylist()
    newest = {row["item_id"]: row for row in sorted(rows, key=lambda row: row["event_timestamp"])}
    return [newest[key]["f00"] if key in newest else None for key in ids]


def figures(answer: dict[str, object], entities: int) -> dict[str, object]:
    told = spread(answer["seconds"])
    return {
        "rows": entities,
        **told,
        "rows_per_second": round(entities / told["seconds"]),
        "peak_mib": answer["peak_mib"],
        "before_mib": answer["before_mib"],
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    return {
        "seconds": round(statistics.median(seconds), 3),
        "seconds_min": round(min(seconds), 3),
        "seconds_max": round(max(seconds), 3),
    }


def floor_seconds(kind: str, table: Path, home: Path, redis_port: int, repeats: int) -> list[float]:
    """Writing the packed records of one row an entity, ready in memory and in key order."""
    names = [f"f{number:02}" for number in range(FEATURES)]
    types = ["bigint" if number % 2 == 0 else "double" for number in range(FEATURES)]
    layout = RowFormat("items", ("item_id",), tuple(zip(names, types, strict=True)))
    records: dict[bytes, bytes] = {}
    for batch in pq.ParquetFile(table).iter_batches(CHUNK_ROWS):
        keys = key_bytes(("item_id",), [batch.column("item_id").to_pylist()])
        packed = layout.pack(batch, event_at="event_timestamp", created_at="created_at")
        records.update(zip(keys, packed, strict=True))
    ready = sorted(records.items())
    write = redis_floor if kind == "redis" else sqlite_floor
    return [write(ready, home, redis_port) for _ in range(repeats)]


def sqlite_floor(ready: list[tuple[bytes, bytes]], home: Path, _port: int) -> float:
    for path in home.glob("floor.db*"):
        path.unlink()
    with closing(sqlite3.connect(home / "floor.db", isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute("create table r (k blob primary key, v blob) without rowid")
        start = time.perf_counter()
        for first in range(0, len(ready), CHUNK_ROWS):
            connection.execute("begin")
            connection.executemany("insert into r values (?, ?)", ready[first : first + CHUNK_ROWS])
            connection.execute("commit")
        return time.perf_counter() - start


def redis_floor(ready: list[tuple[bytes, bytes]], _home: Path, port: int) -> float:
    import redis

    client = redis.Redis(port=port)
    client.flushall()
    start = time.perf_counter()
    for first in range(0, len(ready), REDIS_ROWS):
        with client.pipeline(transaction=False) as pipeline:
            for key, record in ready[first : first + REDIS_ROWS]:
                pipeline.set(key, record)
            pipeline.execute()
    return time.perf_counter() - start


def main() -> None:
    """Print the section as JSON, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--small", action="store_true", help="a quick look; no figures to quote")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    found = measure(repeats=1 if given.small else given.repeats, small=given.small)
    text = json.dumps(found, indent=2)
    if given.json:
        given.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
