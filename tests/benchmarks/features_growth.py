"""How build, point-in-time join and materialisation grow with the shop: 1, 10 and 100 times.

Part of ``make bench-features``. One time is 250 households of the default shop (about 140,000 order
lines and 120,000 events), imported and simulated first; ``scaled_shop.py`` makes the larger ones.
Build is the raw checks and dbt with all its tests; join gives every tenth order line the service's
features as its time knew them, into a Parquet file; materialise fills an empty SQLite store. Each
runs once in a process of its own. Memory is bounded by COUNTERFOIL_DUCKDB_MEMORY_LIMIT, beyond
which DuckDB spills to disk, plus one chunk in Python.
"""

import argparse
import itertools
import json
import math
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from measured_process import run_measured
from sample_shop import environment

from governance.settings import Settings

HOUSEHOLDS = 250
TIMES = (1, 10, 100)
LABELS_EVERY = 10
SERVICE = "recommender_v1"


def measure(*, times: tuple[int, ...] = TIMES) -> dict[str, object]:
    """Seconds, rows and peak memory of each work at each size, and how the seconds grow."""
    sizes: dict[int, dict[str, dict[str, object]]] = {}
    with tempfile.TemporaryDirectory(prefix="growth-base-") as base:
        land_shop(Path(base))
        for factor in times:
            with tempfile.TemporaryDirectory(prefix="growth-") as folder:
                sizes[factor] = measure_one(Path(base), Path(folder), factor)
                sys.stderr.write(f"growth at {factor}x: {json.dumps(sizes[factor])}\n")
    works = next(iter(sizes.values()))
    return {
        work: {f"{factor}x": sizes[factor][work] for factor in times}
        | {"grows_within_n_log_n": is_within_n_log_n([sizes[f][work] for f in times])}
        for work in works
    }


def land_shop(base: Path) -> None:
    """The default shop's raw tables and its simulated events, in ``base``."""
    env = environment(base)
    env.pop("COUNTERFOIL_SIMULATED_EVENTS")  # as many as the main job makes
    for name in ("import_raw", "simulate"):
        run_measured(step(name, base), env)


def measure_one(base: Path, home: Path, factor: int) -> dict[str, dict[str, object]]:
    """The three works on one shop of ``factor`` times 250 households of ``base``, in ``home``."""
    env = environment(home)
    scale = [sys.executable, "tests/benchmarks/scaled_shop.py", "--to", str(home)]
    scale += ["--times", str(factor), "--households", str(HOUSEHOLDS)]
    run_measured(scale, {**environment(base), "PYTHONPATH": "."})
    checked = run_measured(step("check_raw", home), env)
    built = run_measured(step("transform", home), env)
    materialised = run_measured(step("materialise", home, "-O"), env)
    child = [sys.executable, "-O", __file__, "--join", str(home)]
    joined = run_measured(child, {**env, "PYTHONPATH": "."})
    raw, made, online = (
        json.loads((home / f"{name}.json").read_text())["facts"]
        for name in ("check_raw", "transform", "materialise")
    )
    return {
        "build": {
            "seconds": round(checked.seconds + built.seconds, 2),
            "rows": sum(table["rows_in"] for table in raw["tables"].values()),
            "feature_rows": sum(made["rows"].values()),
            "peak_mib": max(checked.peak_mib, built.peak_mib),
        },
        "join": json.loads(joined.stdout) | {"peak_mib": joined.peak_mib},
        "materialise": {
            "seconds": materialised.seconds,
            "rows": sum(made["rows"].values()),  # read, to find the newest of each entity
            "rows_written": sum(online["rows"].values()),
            "peak_mib": materialised.peak_mib,
        },
    }


def step(name: str, home: Path, *flags: str) -> list[str]:
    """One stage's own process, without the ledger that would ask for the stages before it."""
    return [sys.executable, *flags, "-m", "flows.run_step", name, str(home / f"{name}.json")]


def join(home: Path) -> dict[str, object]:
    """Every ``LABELS_EVERY``-th order line with its features, as Parquet to Parquet."""
    import time

    import duckdb

    from feature_repo.store import historical_rows

    settings = Settings(home=home)
    labels, joined = home / "labels.parquet", home / "joined.parquet"
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        warehouse.execute(
            "copy (select user_id, item_id, ordered_at as event_timestamp from fct_order_lines"
            f" where user_id is not null and hash(order_line_id) % {LABELS_EVERY} = 0)"
            f" to '{labels}'"
        ).fetchall()
    started = time.monotonic()
    rows = historical_rows(labels, joined, service=SERVICE, settings=settings)
    return {"seconds": round(time.monotonic() - started, 2), "rows": rows}


def is_within_n_log_n(sizes: list[dict[str, object]]) -> bool:
    """Whether seconds a row grow no faster than the logarithm of the rows, from size to size."""
    costs = [float(one["seconds"]) / (one["rows"] * math.log(one["rows"])) for one in sizes]
    return all(after <= before for before, after in itertools.pairwise(costs))


def main() -> None:
    """Print the figures as JSON; ``--join HOME`` is the child process of one join."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--join", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--small", action="store_true", help="1 and 10 times only")
    given = parser.parse_args()
    if given.join:
        sys.stdout.write(json.dumps(join(given.join)))
        return
    figures = {"growth": measure(times=TIMES[:2] if given.small else TIMES)}
    text = json.dumps(figures, indent=2)
    if given.json:
        given.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
