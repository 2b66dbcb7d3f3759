"""The feature store beside stock Feast and beside the bare floor: ``make bench-features``.

Each part runs in a process of its own and is a command of its own as well:
``features_join.py`` point-in-time joins, ``features_online.py`` online reads,
``features_materialise.py`` materialisation, ``features_growth.py`` growth with the shop. One JSON
holds all their figures.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).parent
PARTS = ("join", "online", "materialise", "growth")


def main() -> None:
    """Run every part in turn and print the figures as one JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--small", action="store_true", help="a quick look; no figures to quote")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for part in given.parts:
            try:
                figures |= run_part(part, Path(folder) / f"{part}.json", is_small=given.small)
            except subprocess.CalledProcessError as error:
                figures[part] = {"not_run": f"it ended with {error.returncode}; see stderr"}
            if given.json:
                given.json.write_text(json.dumps(figures, indent=2) + "\n")
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def run_part(part: str, answer: Path, *, is_small: bool) -> dict[str, object]:
    """The figures of one part; says on stderr when it begins and ends."""
    sys.stderr.write(f"{part} ...\n")
    started = time.monotonic()
    command = [sys.executable, "-O", str(FOLDER / f"features_{part}.py"), "--json", str(answer)]
    command += ["--small"] if is_small else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    sys.stderr.write(f"{part} took {time.monotonic() - started:.0f} s\n")
    return json.loads(answer.read_text())


if __name__ == "__main__":
    main()
