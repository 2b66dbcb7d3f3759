"""How build, point-in-time join and materialisation grow with the shop: 1, 10 and 100 times.

Part of ``make bench-features``. One time is 250 households of the default shop (about 140,000 order
lines and 120,000 events), imported and simulated first; ``scaled_shop.py`` makes the larger ones.
Build is the raw checks and dbt with all its tests, each in a process of its own and with its start;
join gives every tenth order line the service's features as its time knew them, into a Parquet file;
materialise fills an empty SQLite store. Beside them, in turns, lie the floor and stock Feast
(``growth_sides.py``): Feast's join above ``MOST_STOCK_LABELS`` takes too much memory (5.5 GB at
146 k labels) and is left out; a stock run above ``STOCK_LIMIT_SECONDS`` is not repeated.

Growth is told by the count that each work goes by; materialisation reads feature rows and writes
one row an entity, and neither grows as the shop does, so it is told by all three counts. Memory is
bounded by COUNTERFOIL_DUCKDB_MEMORY_LIMIT, beyond which DuckDB spills to disk, plus one chunk in
Python.
"""

import argparse
import itertools
import json
import math
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from measured_process import run_measured
from sample_shop import environment

from governance.settings import Settings

HOUSEHOLDS = 250
TIMES = (1, 10, 100)
LABELS_EVERY = 10
MOST_STOCK_LABELS, STOCK_LIMIT_SECONDS = 200_000, 60
SIDES = Path(__file__).parent / "growth_sides.py"
COUNTS = {
    "build": ("rows",),
    "join": ("rows",),
    "materialise": ("raw_rows", "feature_rows", "rows"),
}


def measure(*, times: tuple[int, ...] = TIMES, repeats: int = 5) -> dict[str, object]:
    """Seconds, rows and peak memory of each work at each size, and how the seconds grow."""
    sizes: dict[int, dict[str, dict[str, object]]] = {}
    with tempfile.TemporaryDirectory(prefix="growth-base-") as base:
        land_shop(Path(base))
        for factor in times:
            with tempfile.TemporaryDirectory(prefix="growth-") as folder:
                sizes[factor] = measure_one(Path(base), Path(folder), factor, repeats)
                sys.stderr.write(f"growth at {factor}x: {json.dumps(sizes[factor])}\n")
    return {
        work: {f"{factor}x": sizes[factor][work] for factor in times}
        | {
            f"grows_within_n_log_n_of_{count}": is_within_n_log_n(
                [sizes[factor][work] for factor in times], count
            )
            for count in counts
        }
        for work, counts in COUNTS.items()
    }


def land_shop(base: Path) -> None:
    """The default shop's raw tables and its simulated events, in ``base``."""
    env = environment(base)
    env.pop("COUNTERFOIL_SIMULATED_EVENTS")  # as many as the main job makes
    for name in ("import_raw", "simulate"):
        run_measured(step(name, base), env)


def measure_one(base: Path, home: Path, factor: int, repeats: int) -> dict[str, dict[str, object]]:
    """The three works on one shop of ``factor`` times 250 households of ``base``, in ``home``."""
    env = environment(home)
    scale = [sys.executable, "tests/benchmarks/scaled_shop.py", "--to", str(home)]
    scale += ["--times", str(factor), "--households", str(HOUSEHOLDS)]
    run_measured(scale, {**environment(base), "PYTHONPATH": "."})
    builds = [measure_build(home, env) for _ in range(repeats)]
    raw, made = (
        json.loads((home / f"{name}.json").read_text())["facts"]
        for name in ("check_raw", "transform")
    )
    rows = {
        "raw_rows": sum(table["rows_in"] for table in raw["tables"].values()),
        "feature_rows": sum(made["rows"].values()),
    }
    labels = write_labels(home)
    build = summary(builds) | {"rows": rows["raw_rows"], "feature_rows": rows["feature_rows"]}
    is_stock_bearable = labels <= MOST_STOCK_LABELS
    joins = ("floor", "ours", "stock") if is_stock_bearable else ("floor", "ours")
    joined = compare("join", joins, home, env, repeats)
    copied = compare("materialise", ("ours", "floor", "stock"), home, env, repeats)
    return {
        "build": build | compare("build", ("floor",), home, env, repeats, ours=build),
        "join": joined
        | {"is_equal_to_floor": is_same(home, "joined.parquet", "joined-floor.parquet")},
        "materialise": copied | rows,
    }


def measure_build(home: Path, env: dict[str, str]) -> dict[str, float]:
    """Raw checks and dbt with all its tests, from nothing but the raw tables."""
    for path in (home / "warehouse.duckdb", home / "features"):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    runs = [run_measured(step(name, home), env) for name in ("check_raw", "transform")]
    return {
        "seconds": sum(run.seconds for run in runs),
        "peak_mib": max(run.peak_mib for run in runs),
    }


def compare(
    work: str,
    sides: tuple[str, ...],
    home: Path,
    env: dict[str, str],
    repeats: int,
    *,
    ours: dict[str, object] | None = None,
) -> dict[str, object]:
    """Ours with its rows; the other sides' seconds and memory under their names, and the ratios."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for turn in range(repeats):
        for side, done in runs.items():
            if side == "stock" and turn and done[0]["seconds"] > STOCK_LIMIT_SECONDS:
                continue
            child = [sys.executable, "-O", str(SIDES), work, side, str(home)]
            told = run_measured(child, {**env, "PYTHONPATH": "."}).stdout
            done.append(json.loads(told.splitlines()[-1]))
    found = {side: summary(done) for side, done in runs.items()}
    told = dict(ours or found.pop("ours") | {"rows": runs["ours"][0]["rows"]})
    for side, ratio in (("floor", "ratio_to_floor"), ("stock", "speedup_vs_feast")):
        if side in found:
            told[side] = found[side]
            pair = told["seconds"], found[side]["seconds"]
            told[ratio] = round(pair[0] / pair[1] if side == "floor" else pair[1] / pair[0], 2)
    return told


def summary(runs: list[dict[str, float]]) -> dict[str, object]:
    seconds = [run["seconds"] for run in runs]
    return {
        "seconds": round(statistics.median(seconds), 2),
        "seconds_min": round(min(seconds), 2),
        "seconds_max": round(max(seconds), 2),
        "repeats": len(runs),
        "peak_mib": round(max(run["peak_mib"] for run in runs)),
    }


def step(name: str, home: Path, *flags: str) -> list[str]:
    """One stage's own process, without the ledger that would ask for the stages before it."""
    return [sys.executable, *flags, "-m", "flows.run_step", name, str(home / f"{name}.json")]


def write_labels(home: Path) -> int:
    """Every ``LABELS_EVERY``-th order line of a known user, as the labels that are joined."""
    settings, path = Settings(home=home), home / "labels.parquet"
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        copied = warehouse.execute(
            "copy (select user_id, item_id, ordered_at as event_timestamp from fct_order_lines"
            f" where user_id is not null and hash(order_line_id) % {LABELS_EVERY} = 0)"
            f" to '{path}'"
        ).fetchall()
    return copied[0][0]


def is_same(home: Path, one: str, other: str) -> bool:
    """Whether two Parquet files hold the same rows in the same order."""
    return pq.read_table(home / one).equals(pq.read_table(home / other))


def is_within_n_log_n(sizes: list[dict[str, object]], count: str) -> bool:
    """Whether seconds a row grow no faster than the logarithm of the rows, from size to size."""
    costs = [float(one["seconds"]) / (one[count] * math.log(one[count])) for one in sizes]
    return all(after <= before for before, after in itertools.pairwise(costs))


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--small", action="store_true", help="1 and 10 times, each once")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    chosen = {"times": TIMES[:2], "repeats": 1} if given.small else {"repeats": given.repeats}
    text = json.dumps({"growth": measure(**chosen)}, indent=2)
    if given.json:
        given.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
