"""Recommenders beside floors and peers on public protocols: ``make bench-recommenders``.

    python tests/benchmarks/recommenders.py [--data DIR] [--quick] --json FILE
    python tests/benchmarks/recommenders.py --data DIR --protocol leave-one-out --json FILE

Without a protocol: the whole table, every folder in DIR by its format (``recommenders_table.py``).
``leave-one-out``: S3-Rec files; all items ranked, seen ones hidden, strict. ``sessions``: SR-GNN
files; all items ranked, nothing hidden. ``baskets``: the next basket from ``--cutoff`` on; DIR is a
home or holds one file of invoices (UCI's columns); without DIR, the default shop.
Knobs are chosen on validation; ties count against the model; intervals are 95 % bootstraps over
users or sessions. ``--quick`` is rough: fewer epochs, fewer users asked, every item ranked.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

from one_part import add_options, answer  # noqa: E402 - threads are set before numpy loads

_VALIDATION_SHARE = 0.07  # of the train sessions, the last ones: about a week of five months


def main() -> int:
    """Measure one data set, or all of them, and print the figures as JSON."""
    given = _options()
    return answer(given, measure_table=None if given.protocol else _table, measure=_measure)


def _table(given: argparse.Namespace) -> int:
    from recommenders_table import measure_table

    return measure_table(given)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of the protocol's format, or of such")
    parser.add_argument("--protocol", choices=("leave-one-out", "sessions", "baskets"))
    parser.add_argument("--cutoff", help="baskets: the day from which orders judge")
    parser.add_argument("--peers", type=Path, help="the Python that has implicit and rectools")
    parser.add_argument("--without-sasrec", action="store_true", help="count models only")
    parser.add_argument("--without-shop", action="store_true", help="no default shop in the table")
    add_options(parser)
    given = parser.parse_args()
    if given.protocol in ("leave-one-out", "sessions") and given.data is None:
        parser.error("--data is needed for this protocol")
    if given.peers and not given.peers.exists():
        sys.stderr.write(f"no peers: there is no Python at {given.peers}\n")
        given.peers = None
    return given


def _measure(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """One part under its name: the folder's, or the shop's."""
    return _baskets(given) if given.protocol == "baskets" else _sequences(given)


def _baskets(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    from recommenders_baskets import measure_baskets
    from recommenders_shops import built_home, holds_default_shop, is_built, settings_of
    from sequence_files import invoices_of

    from governance.settings import get_settings

    name, home = None, given.data or get_settings().home_dir
    if given.data and not is_built(given.data):
        name, home = given.data.resolve().name, given.work / "home"
        built_home(home, invoices=invoices_of(given.data), quick=given.quick)
    elif not given.data and not holds_default_shop(home):
        home = built_home(given.work / "home", invoices=None, quick=given.quick)
    settings = settings_of(home)
    return name or settings.shop, measure_baskets(settings, cutoff=given.cutoff, quick=given.quick)


def _sequences(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    from recommenders_protocols import LEAVE_ONE_OUT, SESSIONS, Effort, quick
    from recommenders_sequences import measure_sequences
    from sequence_files import read_sessions, read_users

    from training.sequences import later_sessions, leave_one_out

    effort = quick() if given.quick else Effort()
    effort = replace(effort, with_sasrec=not given.without_sasrec)
    name, shared = given.data.resolve().name, {"work": given.work, "peers": given.peers}
    if given.protocol == "leave-one-out":
        users = read_users(given.data)
        split = leave_one_out(users.sequences)
        return name, measure_sequences(split, LEAVE_ONE_OUT, effort, titles=users.titles, **shared)
    files = read_sessions(given.data)
    split = later_sessions(files.train, files.test, validation_share=_VALIDATION_SHARE)
    return name, measure_sequences(split, SESSIONS, effort, **shared)


if __name__ == "__main__":
    sys.exit(main())
