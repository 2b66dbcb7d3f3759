"""How long the main job takes, twice over in a fresh home, with peak memory of all processes.

Command: ``make bench-main-job JSON=FILE``. The second run is the floor: nothing has changed.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from measured_process import run_measured
from sample_shop import command, environment


def main() -> None:
    """Run ``counterfoil demo`` twice on the default shop and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder) / "home")
        env.pop("COUNTERFOIL_SIMULATED_EVENTS")
        first, second = (run_once(env) for _ in range(2))
    figures = {"main_job": {"first": first, "unchanged": second}}
    text = json.dumps(figures, indent=2)
    if given.json:
        given.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")


def run_once(env: dict[str, str]) -> dict[str, object]:
    """Seconds, peak resident memory of the process tree (MB) and the lines of the stages."""
    ran = run_measured(command("demo"), env)
    return {
        "seconds": round(ran.seconds, 1),
        "peak_mb": ran.peak_mib,
        "stages": [line for line in ran.stderr.splitlines() if " -> " in line],
    }


if __name__ == "__main__":
    main()
