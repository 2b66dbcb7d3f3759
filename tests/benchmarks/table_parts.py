"""A table of benchmarks: every part in a process and a time of its own; a killed table goes on.

Each part's figures are written when it ends, under a key of code, data and options, so a table that
was killed takes up only the same work; a table that ended is measured anew. What is missing or not
done in its time is left out with a sentence, and the exit code is 1.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from governance.files import digest_of, sha256_file, write_text
from governance.settings import PROJECT_ROOT, get_settings

_CODE = (".py", ".sql", ".yml", ".yaml", ".tsv", ".json")  # what is computed, and what judges


@dataclass(frozen=True)
class Part:
    """One line of the table.

    ``command`` makes the figures as JSON with one key at the top; the answer's path, a folder to
    work in and what is common to all parts are added to it. ``data`` is what it reads, for the key.
    """

    name: str
    command: tuple[str, ...]
    seconds: float  # what it may take, so that the others have their turn
    data: Path | None = None
    is_named: bool = False  # its figures stand under ``name``, not under their own key
    has_work: bool = True  # takes --work


@dataclass
class Table:
    """What has been measured and what was left out, with why."""

    figures: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    resumed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """How the table is run: where figures are kept, its time in all, the code that makes them."""

    kept: Path
    seconds: float
    code: tuple[str, ...]  # folders whose change makes kept figures stale
    json: Path | None
    is_quick: bool


def run_of(given: argparse.Namespace, *, name: str, seconds: float, code: tuple[str, ...]) -> Run:
    """From --work, --json and --quick; figures are kept beside the answer or at home."""
    kept = given.work or (
        given.json.with_name(f"{given.json.name}.parts")
        if given.json
        else get_settings().home_dir / "benchmarks" / name
    )
    return Run(kept, seconds, code, given.json, given.quick)


def measure_parts(parts: Sequence[Part], table: Table, run: Run) -> int:
    """Run every part, print the table as JSON; 0 when it is whole, 1 when something is missing."""
    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    run.kept.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts, start=1):
        gone = time.monotonic() - started
        limit = min(part.seconds, run.seconds - gone)
        say(f"part {number} of {len(parts)}: {part.name}, at most {limit:.0f} s; {gone:.0f} s gone")
        _one(part, run, limit, table)
    for name, why in table.skipped.items():
        say(f"left out: {name}: {why}")
    table.figures["table"] = {
        "is_quick": run.is_quick,
        "seconds": round(time.monotonic() - started, 1),
        "part_seconds": table.seconds,
        "resumed": table.resumed,
        "skipped": table.skipped,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
    }
    text = json.dumps(table.figures, indent=2) + "\n"
    if run.json:
        write_text(run.json, text)
    sys.stdout.write(text)
    if set(table.seconds) == {part.name for part in parts}:
        _forget(parts, run)
    return 1 if table.skipped else 0


def say(line: str) -> None:
    """Tell a person how far it is."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _one(part: Part, run: Run, limit: float, table: Table) -> None:
    """Measure a part, or take what a killed run of the same code and data left of it."""
    key = _key(part, run)
    answer, work = run.kept / f"{key}.json", run.kept / key
    started = time.monotonic()
    if answer.is_file():
        table.resumed.append(part.name)
    else:
        command = [*part.command, "--json", str(answer)]
        command += ["--work", str(work)] if part.has_work else []
        if why := _run(command, limit):
            table.skipped[part.name] = why
            return
    found = json.loads(answer.read_text(encoding="utf-8"))
    only = next(iter(found))
    table.figures[part.name if part.is_named else only] = found[only]
    taken = found[only].get("seconds") if isinstance(found[only], dict) else None
    table.seconds[part.name] = taken or round(time.monotonic() - started, 1)
    shutil.rmtree(work, ignore_errors=True)


def _run(command: list[str], limit: float) -> str:
    """Why it gave no figures; empty when it did. What it says goes to our stderr."""
    if limit <= 0:
        return "the table's time was over before its turn; the same command goes on from here"
    running = subprocess.Popen(
        command, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        code = running.wait(timeout=limit)
    except subprocess.TimeoutExpired:
        return f"not done within {limit:.0f} s"
    finally:
        if running.poll() is None:  # out of time, or we are stopped: its own children go too
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    return "" if code == 0 else f"it ended with {code}; see stderr"


def _stop(number: int, _frame: FrameType | None) -> None:
    """Leave by way of ``finally``, which ends the part that runs."""
    raise SystemExit(128 + number)


def _key(part: Part, run: Run) -> str:
    """Changes with the code, the data and the options: only the same work is taken up again."""
    of_code = {
        str(path.relative_to(PROJECT_ROOT)): sha256_file(path)
        for folder in run.code
        for path in sorted(
            (PROJECT_ROOT / folder).rglob("*")
            if (PROJECT_ROOT / folder).is_dir()
            else [PROJECT_ROOT / folder]
        )
        if path.suffix in _CODE
    }
    of_data = {}
    if part.data:
        files = sorted(part.data.rglob("*")) if part.data.is_dir() else [part.data]
        own = [path for path in files if run.kept not in path.parents]
        of_data = {str(path): sha256_file(path) for path in own if path.is_file()}
    return digest_of([part.name, list(part.command), of_code, of_data])[:16]


def _forget(parts: Sequence[Part], run: Run) -> None:
    """Remove what this table kept, and nothing else that may lie beside it."""
    for part in parts:
        (run.kept / f"{_key(part, run)}.json").unlink(missing_ok=True)
    with suppress(OSError):  # not empty: parts of older code or data
        run.kept.rmdir()
