"""The graph of very large shops beside exact search: seconds to build, recall, queries a second.

    python tests/benchmarks/nearest_items.py --json FILE [--items 200000 500000]

Vectors are generated: clusters of unit vectors of width 64, queries from the same clusters. Both
sides answer the same queries in the same process with the same number of threads.
"""

import argparse
import json
import os
import platform
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2])]
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

import numpy as np  # noqa: E402 - threads are set before numpy loads

from training.exact_search import ExactIndex  # noqa: E402
from training.nearest_items.model import GraphItems  # noqa: E402
from training.nearest_items.train import NearestConfig, build, recall_of  # noqa: E402

_WIDTH = 64
_ITEMS_PER_CLUSTER = 100
_SPREAD = 0.6  # of a cluster, in lengths of its centre: neighbours are close, and not copies
_QUERIES = 1_000
_K = 100
_SEED = 0


def main() -> int:
    """Print the figures of every size as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[200_000, 500_000])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    threads = int(os.environ["OMP_NUM_THREADS"])
    figures: dict[str, Any] = {"threads": threads, "machine": platform.processor() or "unknown"}
    for items in given.items:
        figures[str(items)] = measure(items, threads)
        sys.stderr.write(f"{items:,}: {figures[str(items)]}\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["peak_memory_mib"] = round(peak / 1024)
    text = json.dumps({"nearest_items": figures}, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    sys.stdout.write(text)
    return 0


def measure(items: int, threads: int) -> dict[str, Any]:
    """One size; the graph's answer is wider or narrower by what it looks at per query."""
    vectors, queries = generate(items)
    config = NearestConfig(threads=threads, exact_up_to=0, recall_queries=500)
    built = build(vectors, config, queries=queries)
    if not isinstance(built.index, GraphItems):
        return {"skipped": built.reason}
    graph = replace(built.index, threads=threads)
    found: dict[str, Any] = {"build_seconds": round(built.seconds, 1), "stored": built.recall}
    for looked_at in (128, 256, 512):
        graph.graph.expansion_search = looked_at
        recall = recall_of(graph, vectors, queries[:500], config)
        found[f"looking_at_{looked_at}"] = {
            **{name: round(value, 4) for name, value in recall.items()},
            "queries_per_second": _rate(graph, queries),
        }
    found["exact_queries_per_second"] = _rate(ExactIndex.of(vectors), queries[:256])
    return found


def generate(items: int) -> tuple[np.ndarray, np.ndarray]:
    """Clustered unit vectors, and as many queries of the same kind."""
    draw = np.random.default_rng(_SEED)
    clusters = max(items // _ITEMS_PER_CLUSTER, 1)
    centres = draw.normal(size=(clusters, _WIDTH)).astype(np.float32)
    member = draw.integers(0, clusters, items + _QUERIES)
    noise = draw.normal(size=(len(member), _WIDTH)).astype(np.float32)
    vectors = centres[member] + _SPREAD * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[:items], vectors[items:]


def _rate(index: ExactIndex | GraphItems, queries: np.ndarray) -> int:
    """Queries answered a second, the better of two rounds."""
    index.search(queries[:8], k=_K)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        index.search(queries, k=_K)
        seconds.append(time.perf_counter() - began)
    return round(len(queries) / min(seconds))


if __name__ == "__main__":
    sys.exit(main())
