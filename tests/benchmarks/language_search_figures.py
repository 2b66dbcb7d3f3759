"""Means over queries with 95 % bootstrap intervals, and differences from BM25 in the same draws."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from language_intervals import Doubles

_DRAWS = 2_000  # the ends of an interval move in the third digit
_SHUFFLES = 200  # of one query's list
_SAME = 1e-9  # two orders of the same gains may differ by so much in arithmetic
_FLOORS = ("random", "bm25", "bm25_title", "bm25_fields", "dense")
_BEST = ("rule", "convex", "reciprocal_rank", "learned", "chosen", "cross_encoder")


def figures_of(found: Mapping[str, Doubles]) -> dict[str, Any]:
    """``ndcg_at_10`` is of the way chosen without the judged queries; every other stands beside."""
    draw = np.random.default_rng(0)
    size = len(found["chosen"])
    rows = draw.integers(0, size, (_DRAWS, size))
    above = {name: found[name] - found["bm25"] for name in _BEST if name in found}
    figures: dict[str, Any] = {"ndcg_at_10": _mean(found["chosen"])}
    figures |= _interval("ndcg_at_10", found["chosen"], rows)
    figures |= {"above_bm25": _mean(above["chosen"])}
    figures |= _interval("above_bm25", above["chosen"], rows)
    figures["below_bm25_share"] = _mean(above["chosen"] < -_SAME)
    figures["fusions"] = {
        name: {"ndcg_at_10": _mean(found[name]), "below_bm25_share": _mean(difference < -_SAME)}
        | _interval("ndcg_at_10", found[name], rows)
        for name, difference in above.items()
    }
    figures["floors"] = {
        key: value
        for name in _FLOORS
        for key, value in {
            f"{name}_ndcg_at_10": _mean(found[name]),
            **_interval(f"{name}_ndcg_at_10", found[name], rows),
        }.items()
    }
    return figures


def random_ndcg(gains: Doubles, ideal: float, *, depth: int = 10) -> float:
    """The mean over drawn orders."""
    draw = np.random.default_rng(0)
    discounts = 1 / np.log2(np.arange(2, min(len(gains), depth) + 2))
    drawn = [draw.permutation(gains)[:depth] @ discounts for _ in range(_SHUFFLES)]
    return float(np.mean(drawn)) / ideal


def _mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 4)


def _interval(name: str, values: Doubles, rows: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(values[rows].mean(axis=1), [2.5, 97.5])
    return {f"{name}_low": round(float(low), 4), f"{name}_high": round(float(high), 4)}
