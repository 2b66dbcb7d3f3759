"""The whole table of ``make bench-language``, its parts run by ``table_parts.py``.

Each task reads its own place under --data (``language.TASKS``); a task whose data is not there is
left out with a sentence.
"""

import argparse
import sys
from pathlib import Path

from language import TASKS
from table_parts import Part, Table, measure_parts, run_of

from governance.settings import PROJECT_ROOT

FOLDER = Path(__file__).parent
_DEFAULT_DATA = PROJECT_ROOT.parent / "shared" / "data"
_SECONDS = {"full": 7_200, "quick": 600}  # of the whole table
_PART_SECONDS = {"full": 2_400, "quick": 120}  # a part's most; alone on two cores they take half
_CODE = (
    "tests/benchmarks", "tests/data", "tests/hostile_texts.py", "training", "governance",
    "feature_repo", "dbt",
)  # fmt: skip


def measure_table(given: argparse.Namespace) -> int:
    """Run every task, print the table as JSON; 0 when it is whole, 1 when something is missing."""
    effort = "quick" if given.quick else "full"
    root, table, parts = (given.data or _DEFAULT_DATA).resolve(), Table(), []
    for task, place in TASKS.items():
        data = root / place if place else None
        if data is not None and not data.exists():
            table.skipped[task] = f"there is no {data}"
            continue
        command = [sys.executable, str(FOLDER / "language.py"), "--task", task]
        command += ["--quick"] if given.quick else []
        command += ["--data", str(data)] if data else []
        parts.append(Part(task, tuple(command), _PART_SECONDS[effort], data))
    run = run_of(given, name="language", seconds=_SECONDS[effort], code=_CODE)
    return measure_parts(parts, table, run)
