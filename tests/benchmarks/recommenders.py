"""Recommenders beside their floors on public protocols: ``make bench-recommenders``.

    python tests/benchmarks/recommenders.py --data DIR --protocol leave-one-out --json FILE

``leave-one-out``: S3-Rec files; all items ranked, seen ones hidden, strict. ``sessions``: SR-GNN
files; all items ranked, nothing hidden. ``baskets``: the next basket of the shop in
COUNTERFOIL_HOME. Knobs are chosen on validation; ties count against the model; intervals are
95 % bootstraps over users or sessions. Progress goes to stderr. ``--quick`` is rough.
"""

import argparse
import json
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

from governance.errors import CounterfoilError  # noqa: E402 - threads are set before numpy loads

_VALIDATION_SHARE = 0.07  # of the train sessions, the last ones: about a week of five months


def main() -> int:
    """Measure one data set and print its figures as JSON under the folder's name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of the protocol's format")
    parser.add_argument(
        "--protocol", choices=("leave-one-out", "sessions", "baskets"), required=True
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="rough, in ten minutes")
    parser.add_argument("--without-sasrec", action="store_true", help="count models only")
    given = parser.parse_args()
    if given.protocol != "baskets" and given.data is None:
        parser.error("--data is needed for this protocol")
    started = time.monotonic()
    try:
        name, figures = _measure(given)
    except CounterfoilError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    figures["seconds"] = round(time.monotonic() - started, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["peak_memory_mib"] = round(peak / 1024)
    text = json.dumps({name: figures}, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    sys.stdout.write(text)
    return 0


def _measure(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The data set's name in the JSON (its folder) and its figures."""
    if given.protocol == "baskets":
        from recommenders_baskets import measure_baskets

        return measure_baskets()
    from recommenders_sequences import LEAVE_ONE_OUT, QUICK, SESSIONS, Effort, measure_sequences
    from sequence_files import read_sessions, read_users

    from training.sequences import later_sessions, leave_one_out

    effort = replace(QUICK if given.quick else Effort(), with_sasrec=not given.without_sasrec)
    name = given.data.resolve().name
    if given.protocol == "leave-one-out":
        users = read_users(given.data)
        split = leave_one_out(users.sequences)
        return name, measure_sequences(split, LEAVE_ONE_OUT, effort, titles=users.titles)
    files = read_sessions(given.data)
    split = later_sessions(files.train, files.test, validation_share=_VALIDATION_SHARE)
    return name, measure_sequences(split, SESSIONS, effort)


if __name__ == "__main__":
    sys.exit(main())
