"""How long the main job takes, twice over in a fresh home, with peak memory of all processes.

Command: ``make bench-main-job JSON=FILE``. The second run is the floor: nothing has changed.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from sample_shop import command, environment

from governance.settings import PROJECT_ROOT

_POLL_SECONDS = 0.2


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
    started = time.monotonic()
    with psutil.Popen(
        command("demo"), cwd=PROJECT_ROOT, env=env, text=True, stdout=-1, stderr=-1
    ) as process:
        peak: list[int] = [0]
        watcher = threading.Thread(target=watch, args=(process, peak), daemon=True)
        watcher.start()
        _, talk = process.communicate()
    if process.returncode != 0:
        raise SystemExit(talk)
    return {
        "seconds": round(time.monotonic() - started, 1),
        "peak_mb": peak[0] // 2**20,
        "stages": [line for line in talk.splitlines() if " -> " in line],
    }


def watch(process: psutil.Process, peak: list[int]) -> None:
    """Keep the largest sum of resident sizes (unique where the system tells) of the tree."""
    while process.is_running():
        total = 0
        try:
            for one in [process, *process.children(recursive=True)]:
                total += one.memory_info().rss
        except psutil.Error:
            total = 0
        peak[0] = max(peak[0], total)
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    main()
