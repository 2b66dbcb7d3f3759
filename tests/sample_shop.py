"""How tests run the command line on the sample shop: a real process, an environment of its own."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from governance.settings import PROJECT_ROOT

SAMPLE_HOUSEHOLDS = 250  # enough for a model to beat its floors, few enough for two minutes
SIMULATED_EVENTS = 60_000
MAIN_JOB_SECONDS = 900  # two busy cores; it takes about 150 s on two idle ones


def environment(home: Path, **settings: str) -> dict[str, str]:
    """This process's environment with the given home and no other of our settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("COUNTERFOIL_", "PREFECT_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    ours = {"COUNTERFOIL_HOME": str(home), "COUNTERFOIL_SIMULATED_EVENTS": str(SIMULATED_EVENTS)}
    return kept | ours | settings


def command(*arguments: str) -> list[str]:
    """The command line of ``counterfoil``, run by this Python."""
    return [sys.executable, "-m", "flows.cli", *arguments]


def counterfoil(
    home: Path, *arguments: str, piped: str | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run ``counterfoil`` to its end; ``settings`` are COUNTERFOIL_ variables."""
    return subprocess.run(
        command(*arguments), cwd=PROJECT_ROOT, env=environment(home, **settings),
        input=piped, capture_output=True, text=True, timeout=MAIN_JOB_SECONDS, check=False,
    )  # fmt: skip


def two_free_ports() -> tuple[int, int]:
    """Two different ports that nothing listens on; held together, so that they cannot be one."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("0.0.0.0", 0))
        other.bind(("0.0.0.0", 0))
        return one.getsockname()[1], other.getsockname()[1]
