"""One command as a process of its own: how long it took, and its peak memory with its children."""

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from governance.settings import PROJECT_ROOT

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Measured:
    """Wall seconds, peak resident memory of the process tree in MiB, and what it printed."""

    seconds: float
    peak_mib: int
    stdout: str
    stderr: str


def run_measured(command: Sequence[str], env: dict[str, str]) -> Measured:
    """Run ``command`` in the project's root; what it says on stderr ends us when it fails."""
    started = time.monotonic()
    with psutil.Popen(
        list(command), cwd=PROJECT_ROOT, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        peak = [0]
        watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
        watcher.start()
        out, talk = process.communicate()
    if process.returncode != 0:
        raise SystemExit(talk)
    return Measured(round(time.monotonic() - started, 2), peak[0] // 2**20, out, talk)


def _watch(process: psutil.Process, peak: list[int]) -> None:
    """Keep the largest sum of resident sizes of the tree."""
    while process.is_running():
        total = 0
        try:
            for one in [process, *process.children(recursive=True)]:
                total += one.memory_info().rss
        except psutil.Error:
            total = 0
        peak[0] = max(peak[0], total)
        time.sleep(_POLL_SECONDS)
