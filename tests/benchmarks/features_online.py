"""How long one request's features take online: 1 user and 1, 100 or 500 items, 8 or 50 features.

Command: ``python tests/benchmarks/features_online.py --json FILE [--small]``; part of
``make bench-features``. Ours is ``feature_repo.online.read_plans``, which ``read_request``
calls: the ids of both entities to
values, missing and ages, ttl checked. The floor (``online_floor.py``) reads the same store's bytes
by one query an entity or one MGET into the same values, and checks nothing. Stock is Feast's own
store holding the same tables, ``get_online_features`` to numpy. Same process, ours and the floor
in turn; Redis is started here on a free port.

On a machine that is busy with other things, wall times tell how long the process waited for a core:
see ``load_average`` and ``floor_p99_to_p50``. The keys that begin with ``cpu_`` count only the time
that this process had one, and so show the tail that the reading itself has.
"""

import argparse
import gc
import json
import os
import platform
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from online_floor import RedisFloor, SqliteFloor
from online_shop import ITEMS, SERVICES, USERS, Shop, open_shop, write_tables

Call = Callable[[str, list[str]], object]

ROWS = (1, 100, 500)
READS, WARM_UP = 300, 50
STOCK_READS = {1: 60, 100: 30, 500: 20}  # stock takes up to a second a read


def measure(*, repeats: int = 5, small: bool = False) -> dict[str, object]:
    """The section ``online_read``; ``repeats`` rounds of at least 300 reads in all."""
    reads = max(READS, 60 * repeats)
    stores: dict[str, object] = {}
    counts = (200, 600) if small else (USERS, ITEMS)
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as port:
        home = Path(folder)
        write_tables(home, users=counts[0], items=counts[1])
        for store in ("sqlite", "redis"):
            shop = open_shop(home, store=store, redis_port=port)
            stores[store] = {
                f"{rows}x{features}": cell(shop, rows, features, counts=counts, reads=reads)
                for features in sorted(SERVICES)
                for rows in ROWS
            }
    return {
        "online_read": {
            **stores,
            "users": counts[0],
            "items": counts[1],
            "reads_each": reads,
            "stock_reads_each": {str(rows): count for rows, count in STOCK_READS.items()},
            "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "python": platform.python_version(),
            "load_average": [round(load, 1) for load in os.getloadavg()],
            "cores": os.cpu_count(),
        }
    }


def cell(
    shop: Shop, rows: int, features: int, *, counts: tuple[int, int], reads: int
) -> dict[str, object]:
    """One request size: the same ids for ours, floor and stock; equal values or no figures."""
    draw = random.Random(rows * 1000 + features)
    users, items = counts

    def request() -> tuple[str, list[str]]:
        ids = [str(draw.randrange(items + items // 50)) for _ in range(rows)]  # 2 % unknown
        return str(draw.randrange(users)), ids

    floor_type = RedisFloor if shop.kind == "redis" else SqliteFloor
    floor = floor_type(shop, features)
    for _ in range(5):
        user, ids = request()
        ours = shop.ours(features, user, ids)
        for other in (floor(user, ids), shop.stock(features, user, ids)):
            for left, right in zip(ours, other, strict=True):
                np.testing.assert_array_equal(left, right)
    asked = [request() for _ in range(WARM_UP + reads)]
    calls: dict[str, Call] = {"ours": partial(shop.ours, features), "floor": floor}
    stock = partial(shop.stock, features)
    return figures(**timed(calls, asked, stock=stock, stock_every=reads // STOCK_READS[rows]))


def timed(
    calls: dict[str, Call], asked: list[tuple[str, list[str]]], *, stock: Call, stock_every: int
) -> dict[str, np.ndarray]:
    """Milliseconds, and those of them on a core, of each call on each request, taken in turn.

    Stock, which takes long, comes in between once in ``stock_every`` requests. It leaves cold
    caches behind, so the calls are warmed up again after it.
    """
    seen: dict[str, list[tuple[float, ...]]] = {name: [] for name in (*calls, "stock")}

    def time_one(name: str, call: Call, request: tuple[str, list[str]]) -> None:
        start, cpu_start = time.perf_counter(), time.thread_time()
        call(*request)
        spent = time.perf_counter() - start, time.thread_time() - cpu_start
        seen[name].append(tuple(1000 * seconds for seconds in spent))

    gc.collect()
    for number, request in enumerate(asked):
        if number % stock_every == 0:
            time_one("stock", stock, request)
            for call in (*calls.values(), *calls.values()):
                call(*request)
        for name, call in calls.items():
            time_one(name, call, request)
    warm = {name: times[WARM_UP:] if name in calls else times[1:] for name, times in seen.items()}
    return {name: np.array(times).T for name, times in warm.items()}


def figures(ours: np.ndarray, floor: np.ndarray, stock: np.ndarray) -> dict[str, object]:
    (ours, on_core), (floor, floor_on_core), (stock, stock_on_core) = ours, floor, stock
    p50, p99 = np.percentile(ours, [50, 99])
    floor_p50, floor_p99 = np.percentile(floor, [50, 99])
    cpu_p50, cpu_p99 = np.percentile(on_core, [50, 99])
    return {
        "p50_ms": round(p50, 4),
        "p99_ms": round(p99, 4),
        "min_ms": round(min(ours), 4),
        "max_ms": round(max(ours), 4),
        "p99_to_p50": round(p99 / p50, 2),
        "cpu_p50_ms": round(cpu_p50, 4),
        "cpu_p99_to_p50": round(cpu_p99 / cpu_p50, 2),
        "cpu_ratio_to_floor": round(cpu_p50 / float(np.median(floor_on_core)), 2),
        "cpu_speedup_vs_feast": round(float(np.median(stock_on_core)) / cpu_p50, 1),
        "floor_p99_to_p50": round(floor_p99 / floor_p50, 2),
        "ratio_to_floor": round(p50 / floor_p50, 2),
        "speedup_vs_feast": round(float(np.median(stock)) / p50, 1),
        "floor_p50_ms": round(floor_p50, 4),
        "floor_p99_ms": round(floor_p99, 4),
        "feast_p50_ms": round(float(np.median(stock)), 3),
        "feast_min_ms": round(min(stock), 3),
        "feast_max_ms": round(max(stock), 3),
    }


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """A Redis of this run's own, in memory only; yields its port."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise SystemExit("no redis-server on this machine (apt-get install redis-server)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [binary, "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        for line in server.stdout or ():
            if "Ready to accept connections" in line:
                break
        try:
            yield port
        finally:
            server.terminate()


def main() -> None:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--small", action="store_true", help="600 items, to see that it runs")
    given = parser.parse_args()
    text = json.dumps(measure(small=given.small), indent=2)
    if given.json:
        given.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
