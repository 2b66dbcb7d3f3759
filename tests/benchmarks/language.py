"""Text tasks beside their floors on given data: ``make bench-language``.

    python tests/benchmarks/language.py [--data DIR] [--quick] --json FILE
    python tests/benchmarks/language.py --task duplicates --data DIR --json FILE

Without a task: the whole table, in at most two hours (``language_table.py``). A task is the file
``language_<task>.py`` with ``measure(data, *, quick, work) -> figures``; ``--data`` is a file or a
folder of the task's format, told in that file. ``--quick`` is rough: less data, fewer folds.

Keys of the figures: ``<task>.<figure>`` with the one of ``FIGURE`` among them, floors under
``<task>.floors``; where a task has several sets or heads, both stand under the name of each.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

from one_part import add_options, answer  # noqa: E402 - threads are set before numpy loads

from governance.errors import StateError  # noqa: E402

TASKS = {  # in the order of the table, which runs the cheap ones first; where the data lies
    "intent": None,
    "search": "icecat_catalogue",
    "dense-retrieval": "icecat_catalogue",
    "listing-quality": "icecat_catalogue",
    "personal-data": "pii_sentences",
    "duplicates": "benchmarks/entity_matching",
    "sentiment": "clothing_reviews",
    "methods": "clothing_reviews",
    "attributes": "icecat_catalogue",
    "query-category": "wayfair_queries",
    "keywords": "icecat_catalogue",
    "query-help": "icecat_catalogue",
    "text-features": str(FOLDER.parents[1] / ".counterfoil"),  # a home after counterfoil demo
    "speed": "icecat_catalogue",
}

FIGURE = {  # what each task is judged by; of speed every name has it
    "intent": "macro_f1",
    "search": "ndcg_at_10",
    "dense-retrieval": "recall_at_10",
    "listing-quality": "auc",
    "personal-data": "f2",
    "duplicates": "f1",
    "sentiment": "auc",
    "methods": "macro_f1",
    "attributes": "macro_f1",
    "query-category": "top_1",
    "keywords": "unseen_mended",
    "query-help": "corrected_top1",
    "text-features": "ndcg_at_10_without",
    "speed": "p50_ms",
}


def main() -> int:
    """Measure one task, or the whole table, and print the figures as JSON."""
    given = _options()
    return answer(given, measure_table=None if given.task else _table, measure=_measure)


def _table(given: argparse.Namespace) -> int:
    from language_table import measure_table

    return measure_table(given)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a file or folder of the task's format")
    parser.add_argument("--task", choices=TASKS)
    add_options(parser)
    return parser.parse_args()


def _measure(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """One task's figures under its name."""
    name = given.task.replace("-", "_")
    task = importlib.import_module(f"language_{name}")
    figures = task.measure(given.data, quick=given.quick, work=given.work)
    if not has_figure(figures, FIGURE[given.task]):
        raise StateError(
            f"the figures of {given.task} have no {FIGURE[given.task]}",
            where=f"tests/benchmarks/language_{name}.py",
            why=f"there are {', '.join(sorted(figures))}",
            next_step="keep the key, since who compares runs reads it",
        )
    return name, figures


def has_figure(figures: Mapping[str, Any], key: str) -> bool:
    """Whether the key is there, or under the name of a set or a head; floors do not count."""
    inner = [part for name, part in figures.items() if name != "floors" and isinstance(part, dict)]
    return key in figures or any(has_figure(part, key) for part in inner)


if __name__ == "__main__":
    sys.exit(main())
