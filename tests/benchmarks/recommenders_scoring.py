"""Users scored per second by exact search, beside one dense product of the same size.

    python tests/benchmarks/recommenders_scoring.py --json FILE

10,000 users, 100,000 items, the first 100 of each, generated vectors of a fixed seed. The floor is
the float32 product alone: same vectors, same blocks, same threads, same run, in turns. Says too
whether every list looked at equals a full sort of its scores.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

import numpy as np  # noqa: E402 - threads are set before numpy loads

from governance.files import write_text  # noqa: E402
from training.exact_search import BLOCK, ExactIndex  # noqa: E402

_LOOKED_AT = 200  # lists compared with a full sort


def main() -> int:
    """Measure and print the figures as JSON under ``scoring``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="2,000 users, one turn")
    given = parser.parse_args()
    asked = {"users": 2_000, "turns": 1} if given.quick else {}
    figures = {"scoring": measure_scoring(**asked)}
    text = json.dumps(figures, indent=2) + "\n"
    if given.json:
        write_text(given.json, text)
    sys.stdout.write(text)
    return 0


def measure_scoring(
    *, users: int = 10_000, items: int = 100_000, width: int = 128, k: int = 100, turns: int = 3
) -> dict[str, Any]:
    """Medians over ``turns`` of search and floor, one after the other."""
    draw = np.random.default_rng(0)
    queries = draw.normal(size=(users, width)).astype(np.float32)
    index = ExactIndex.of(draw.normal(size=(items, width)).astype(np.float32))
    index.search(queries[:BLOCK], k=k)  # threads and pages are there before the clock starts
    ours, floor = [], []
    for turn in range(turns):
        started = time.perf_counter()
        _products(queries, index)
        multiplied = time.perf_counter()
        found, _ = index.search(queries, k=k)
        floor.append(multiplied - started)
        ours.append(time.perf_counter() - multiplied)
        sys.stderr.write(f"turn {turn + 1}: floor {floor[-1]:.2f} s, search {ours[-1]:.2f} s\n")
    seconds, floor_seconds = statistics.median(ours), statistics.median(floor)
    return {
        "users_per_second": round(users / seconds),
        "floor_users_per_second": round(users / floor_seconds),
        "ratio_to_floor": round(seconds / floor_seconds, 3),
        "seconds": [round(value, 3) for value in ours],
        "floor_seconds": [round(value, 3) for value in floor],
        "users": users,
        "items": items,
        "width": width,
        "k": k,
        "block": BLOCK,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "equal_to_full_sort": _equal_to_full_sort(queries, index, found),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _products(queries: np.ndarray, index: ExactIndex) -> None:
    """The floor: every score is computed, none is looked at."""
    room = np.empty((min(BLOCK, len(queries)), index.columns.shape[1]), dtype=np.float32)
    for begin in range(0, len(queries), BLOCK):
        block = queries[begin : begin + BLOCK]
        np.matmul(block, index.columns, out=room[: len(block)])


def _equal_to_full_sort(queries: np.ndarray, index: ExactIndex, found: np.ndarray) -> bool:
    """Whole blocks are multiplied again, since a product's last bit may depend on its shape."""
    for begin in range(0, min(_LOOKED_AT, len(queries)), BLOCK):
        scores = queries[begin : begin + BLOCK] @ index.columns
        for row, lists in zip(scores, found[begin : begin + BLOCK], strict=True):
            if not np.array_equal(np.argsort(-row, kind="stable")[: found.shape[1]], lists):
                return False
    return True


if __name__ == "__main__":
    sys.exit(main())
