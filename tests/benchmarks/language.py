"""Text tasks beside their floors on given data: ``make bench-language``.

    python tests/benchmarks/language.py [--data DIR] [--quick] --json FILE
    python tests/benchmarks/language.py --task duplicates --data DIR --json FILE

Without a task: the whole table, in at most two hours (``language_table.py``). A task is the file
``language_<task>.py`` with ``measure(data, *, quick, work) -> figures``; ``--data`` is a file or a
folder of the task's format, told in that file. ``--quick`` is rough: less data, fewer folds.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

from one_part import add_options, answer  # noqa: E402 - threads are set before numpy loads

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
    return name, task.measure(given.data, quick=given.quick, work=given.work)


if __name__ == "__main__":
    sys.exit(main())
