"""How long a training set takes: our point-in-time join beside stock Feast and a bare DuckDB ASOF.

Command: ``python tests/benchmarks/features_join.py --json FILE [--small]``; part of
``make bench-features``. Generated rows, fixed seed. Every side runs in a process of its own, which
gives its peak memory; sides take turns, so that a busy machine slows all of them. Feast's import,
its registry and reading the labels are outside the timed part.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_ROOT = Path(__file__).parents[2]
_DAY = 86_400_000_000
_START = np.datetime64("2017-01-01", "us").astype("int64")
_DAYS = 365
_TTL_DAYS = 90
_SAMPLE = 300  # labels that the oracle answers by looking at every row
_STOCK_LIMIT_SECONDS = 60  # a stock run above this is not repeated


def measure(*, repeats: int = 5, is_small: bool = False) -> dict[str, object]:
    """The sections ``pit_join`` and ``wide`` of the figures."""
    with tempfile.TemporaryDirectory(prefix="bench-join-") as name:
        folder = Path(name)
        shrink = 50 if is_small else 1
        counts = _write_shop(folder, shrink)
        distinct = _measure_labels(folder, "distinct", repeats)
        requests = _measure_labels(folder, "requests", repeats)
        worse = max(distinct, requests, key=lambda part: part["ratio_to_floor"])
        top = {key: worse[key] for key in ("ratio_to_floor", "speedup_vs_feast")}
        top["speedup_vs_feast"] = min(p["speedup_vs_feast"] for p in (distinct, requests))
        for key in ("rows_lost", "mismatches"):
            top[key] = distinct[key] + requests[key]
        joined = {**top, **counts, "distinct_times": distinct, "request_times": requests}
        return {"pit_join": joined, "wide": _measure_wide(folder, shrink, repeats)}


def _measure_labels(folder: Path, labels: str, repeats: int) -> dict[str, object]:
    """One label set through the three sides, in turns."""
    figures = _in_turns(folder, labels, repeats, prefix="")
    asked = pq.read_table(folder / f"{labels}.parquet")
    joined = pq.read_table(folder / f"ours-{labels}.parquet")
    return {
        **figures,
        "rows_lost": asked.num_rows - joined.num_rows,
        "mismatches": _mismatches(folder, joined),
        "is_equal_to_floor": joined.equals(pq.read_table(folder / f"floor-{labels}.parquet")),
    }


def _measure_wide(folder: Path, shrink: int, repeats: int) -> dict[str, object]:
    views, width, labels = 20, 50, 17_000 // shrink
    rows = _write_wide(folder, views=views, width=width, labels=labels, rows=50_000 // shrink)
    figures = _in_turns(folder, "wide_labels", repeats, prefix="wide_")
    joined = pq.read_table(folder / "wide_ours-wide_labels.parquet")
    return {
        **figures,
        "labels": labels,
        "features": joined.num_columns - 2,
        "feature_rows": rows,
        "rows_lost": labels - joined.num_rows,
        "is_equal_to_floor": joined.equals(
            pq.read_table(folder / "wide_floor-wide_labels.parquet")
        ),
    }


def _in_turns(folder: Path, labels: str, repeats: int, *, prefix: str) -> dict[str, object]:
    """Seconds and memory of the floor, ours and stock Feast, each in a process of its own."""
    runs: dict[str, list[dict[str, float]]] = {"floor": [], "ours": [], "stock": []}
    for turn in range(repeats):
        for side, done in runs.items():
            is_slow = bool(done) and done[0]["seconds"] > _STOCK_LIMIT_SECONDS
            if not (side == "stock" and is_slow and turn):
                done.append(_child(f"{prefix}{side}", folder, labels))
    figures = {side: _summary(done) for side, done in runs.items()}
    ours, floor, stock = (figures[side]["seconds"]["median"] for side in ("ours", "floor", "stock"))
    cpu = figures["ours"]["cpu_seconds"] / figures["floor"]["cpu_seconds"]
    return {
        "ratio_to_floor": round(ours / floor, 2),
        "cpu_ratio_to_floor": round(cpu, 2),
        "speedup_vs_feast": round(stock / ours, 1),
        "stock_repeats": len(runs["stock"]),
        **figures,
    }


def _child(side: str, folder: Path, labels: str) -> dict[str, float]:
    what = ["--side", side, "--folder", str(folder), "--labels", labels]
    command = [sys.executable, __file__, *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)
    if done.returncode:
        raise RuntimeError(f"{side} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _summary(runs: list[dict[str, float]]) -> dict[str, object]:
    seconds = [run["seconds"] for run in runs]
    middle = statistics.median(seconds)
    return {
        "seconds": {
            "median": round(middle, 3),
            "min": round(min(seconds), 3),
            "max": round(max(seconds), 3),
        },
        "cpu_seconds": round(statistics.median(run["cpu_seconds"] for run in runs), 3),
        "peak_mib": round(max(run["peak_mib"] for run in runs)),
        "before_mib": round(max(run["before_mib"] for run in runs)),  # imports and labels
    }


def _mismatches(folder: Path, joined: pa.Table) -> int:
    """Cells of a sample that differ from the answer found by looking at every feature row."""
    places = np.random.default_rng(9).choice(joined.num_rows, _SAMPLE, replace=False)
    sample = joined.take(pa.array(np.sort(places))).to_pylist()
    wrong = 0
    for entity in ("user", "item"):
        table = pq.read_table(folder / f"{entity}s.parquet")
        keys = table[f"{entity}_id"].to_numpy()
        event, created = (
            table[name].to_numpy().astype("int64") for name in ("event_timestamp", "created_at")
        )
        rows = table.select([f"{entity}_f{i}" for i in range(4)]).to_pylist()
        for label in sample:
            at = np.datetime64(label["event_timestamp"], "us").astype("int64")
            seen = np.flatnonzero((keys == label[f"{entity}_id"]) & (event <= at) & (created <= at))
            best = seen[np.lexsort((seen, created[seen], event[seen]))[-1]] if seen.size else None
            is_fresh = best is not None and at - event[best] <= _TTL_DAYS * _DAY
            for name in (f"{entity}_f{i}" for i in range(4)):
                wrong += label[name] != (rows[best][name] if is_fresh else None)
    return wrong


def _write_shop(folder: Path, shrink: int) -> dict[str, object]:
    """Two feature tables (one row per key and day, 1 % created late) and two sets of labels."""
    draw = np.random.default_rng(20170101)
    sizes = {"item": (850_000 // shrink, 30_000), "user": (292_000 // shrink, 2_500)}
    for entity, (rows, keys) in sizes.items():
        skewed = draw.zipf(1.3, rows * 12) % keys
        picked = skewed if entity == "item" else draw.integers(0, keys, rows * 3)
        both = np.unique(picked * _DAYS + draw.integers(0, _DAYS, len(picked)))
        both = np.sort(draw.choice(both, min(rows, len(both)), replace=False))
        _write_features(folder / f"{entity}s.parquet", entity, both, draw, width=4)
    count = 1_000_000 // shrink
    items = draw.zipf(1.3, count) % 30_000
    times = _START + draw.integers(0, 380 * _DAY, count)
    _write_labels(folder / "distinct.parquet", draw.integers(0, 2_500, count), items, times)
    requests = count // 20  # a request shows 20 items to one user at one second
    seconds = np.sort(draw.integers(0, 380 * 86_400, requests)) * 1_000_000 + _START
    users = np.repeat(draw.integers(0, 2_500, requests), 20)
    _write_labels(folder / "requests.parquet", users, items, np.repeat(seconds, 20))
    return {"labels": count, "feature_rows": {e: size[0] for e, size in sizes.items()}}


def _write_features(path: Path, entity: str, key_days, draw, *, width: int) -> None:
    event = _START + key_days % _DAYS * _DAY
    created = event.copy()
    late = draw.random(len(event)) < 0.01
    created[late] += draw.integers(1, 30 * _DAY, late.sum())
    columns = {
        f"{entity}_id": np.char.mod("%d", key_days // _DAYS),
        "event_timestamp": event.astype("M8[us]"),
        "created_at": created.astype("M8[us]"),
    }
    for number in range(width):
        whole = draw.integers(0, 1000, len(event))
        columns[f"{entity}_f{number}"] = draw.random(len(event)) if number % 2 else whole
    pq.write_table(pa.table(columns), path)


def _write_labels(path: Path, users, items, times) -> None:
    columns = {
        "user_id": np.char.mod("%d", users),
        "item_id": np.char.mod("%d", items),
        "event_timestamp": times.astype("M8[us]"),
        "clicked": np.arange(len(users)) % 7 == 0,
    }
    pq.write_table(pa.table(columns), path)


def _write_wide(folder: Path, *, views: int, width: int, labels: int, rows: int) -> int:
    draw = np.random.default_rng(1000)
    keys = 2_500
    for number in range(views):
        both = np.sort(draw.choice(keys * _DAYS, rows, replace=False))
        _write_features(folder / f"wide_{number}.parquet", "user", both, draw, width=width)
    times = _START + draw.integers(0, 380 * _DAY, labels)
    users = np.char.mod("%d", draw.integers(0, keys, labels))
    frame = pa.table({"user_id": users, "event_timestamp": times.astype("M8[us]")})
    pq.write_table(frame, folder / "wide_labels.parquet")
    return views * rows


def main() -> None:
    """Measure all sides, or be one side of them (``--side``)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--small", action="store_true", help="a fiftieth of the rows")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--labels")
    given = parser.parse_args()
    if given.side:
        from features_join_sides import run_side

        text = json.dumps(run_side(given.side, given.folder, given.labels))
    else:
        figures = measure(repeats=given.repeats, is_small=given.small)
        text = json.dumps(figures, indent=2)
        if given.json:
            given.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
