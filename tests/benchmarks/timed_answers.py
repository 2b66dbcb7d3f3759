"""How long an answer takes, and how many there are in a second, threads as the server has them.

The server gives each answer one thread and answers side by side (``serving/server.py``), so p50 and
p99 are of one answer at a time on one thread, and ``qps`` of as many at once as there are cores.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from threadpoolctl import threadpool_limits

Ask = Callable[[str], object]


@contextmanager
def one_thread_an_answer() -> Iterator[None]:
    """Numpy and torch on one thread, as they were afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def timed(ask: Ask, queries: Sequence[str], *, warm_up: int) -> dict[str, float]:
    """Milliseconds and answers per second of all but the first ``warm_up`` queries."""
    for query in queries[:warm_up]:
        ask(query)
    counted = queries[warm_up:]
    seconds = [_seconds(ask, query) for query in counted]
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(ask, queries[:warm_up]))
        began = time.perf_counter()
        list(pool.map(ask, counted))
        rate = len(counted) / (time.perf_counter() - began)
    p50, p99 = np.percentile(seconds, (50, 99)) * 1_000
    return {"p50_ms": round(p50, 3), "p99_ms": round(p99, 3), "qps": round(rate, 2)}


def _seconds(ask: Ask, query: str) -> float:
    began = time.perf_counter()
    ask(query)
    return time.perf_counter() - began
