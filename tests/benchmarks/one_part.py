"""One part of a benchmark as a command: figures as JSON, with what they cost.

``recommenders.py`` and ``language.py`` are such commands, ``table_parts.py`` runs many of them.
"""

import argparse
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from governance.errors import CounterfoilError
from governance.files import write_text

Figures = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those that every part and every table takes."""
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="rough, the table in ten minutes")
    parser.add_argument("--work", type=Path, help="folder that lets a killed run go on")


def answer(
    given: argparse.Namespace,
    *,
    measure_table: Callable[[argparse.Namespace], int] | None,
    measure: Callable[[argparse.Namespace], tuple[str, Figures]],
) -> int:
    """The whole table where one is given, else one part's figures under its name; the exit code."""
    try:
        if measure_table is not None:
            return measure_table(given)
        with tempfile.TemporaryDirectory() as folder:
            given.work = given.work or Path(folder)
            given.work.mkdir(parents=True, exist_ok=True)
            figures = _with_cost(given, measure)
    except CounterfoilError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    text = json.dumps(_plain(figures), indent=2, allow_nan=False) + "\n"
    if given.json:
        write_text(given.json, text)
    sys.stdout.write(text)
    return 0


def _plain(value: Any) -> Any:
    """Null for what is no number, which strict readers of JSON refuse."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_cost(
    given: argparse.Namespace, measure: Callable[[argparse.Namespace], tuple[str, Figures]]
) -> Figures:
    started = time.monotonic()
    name, figures = measure(given)
    figures["seconds"] = round(time.monotonic() - started, 1)
    figures["threads"] = int(os.environ["OMP_NUM_THREADS"])
    figures["is_quick"] = given.quick
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["peak_memory_mib"] = round(peak / 1024)
    return {name: figures}
