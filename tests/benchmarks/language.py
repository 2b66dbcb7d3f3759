"""Text tasks beside their floors on given data: ``make bench-language``.

    python tests/benchmarks/language.py [--data DIR] [--quick] --json FILE
    python tests/benchmarks/language.py --task duplicates --data DIR --json FILE

Without a task: the whole table, in at most two hours (``language_table.py``). A task is the file
``language_<task>.py`` with ``measure(data, *, quick, work) -> figures``; ``--data`` is a file or a
folder of the task's format, told in that file. ``--quick`` is rough: less data, fewer folds.
"""

import argparse
import importlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

from governance.errors import CounterfoilError  # noqa: E402 - threads are set before numpy loads
from governance.files import write_text  # noqa: E402

TASKS = {  # in the order of the table, which runs the cheap ones first; where the data lies
    "intent": None,
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
    try:
        if given.task is None:
            from language_table import measure_table

            return measure_table(given)
        with tempfile.TemporaryDirectory() as folder:
            given.work = given.work or Path(folder)
            given.work.mkdir(parents=True, exist_ok=True)
            figures = _measure(given)
    except CounterfoilError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    text = json.dumps(figures, indent=2) + "\n"
    if given.json:
        write_text(given.json, text)
    sys.stdout.write(text)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a file or folder of the task's format")
    parser.add_argument("--task", choices=TASKS)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="rough, the table in ten minutes")
    parser.add_argument("--work", type=Path, help="folder that lets a killed run go on")
    return parser.parse_args()


def _measure(given: argparse.Namespace) -> dict[str, Any]:
    """One task's figures under its name."""
    started = time.monotonic()
    task = importlib.import_module(f"language_{given.task.replace('-', '_')}")
    figures: dict[str, Any] = task.measure(given.data, quick=given.quick, work=given.work)
    figures["seconds"] = round(time.monotonic() - started, 1)
    figures["threads"] = int(os.environ["OMP_NUM_THREADS"])
    figures["is_quick"] = given.quick
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["peak_memory_mib"] = round(peak / 1024)
    return {given.task.replace("-", "_"): figures}


if __name__ == "__main__":
    sys.exit(main())
