"""What ``counterfoil doctor`` looks at: the things that usually go wrong, each with its cure."""

import ctypes.util
import importlib.util
import shutil
import socket
import sys
from pathlib import Path

from flows.stage_list import STAGES
from governance.settings import Settings

_NEEDED = (
    "duckdb", "feast", "dbt", "pandera", "sqlmodel", "torch", "kserve", "prefect", "lightgbm",
)  # fmt: skip
_FREE_BYTES = 4 * 2**30  # the default shop's state is 1.5 GB, and dbt writes beside it


def examine(settings: Settings) -> list[dict[str, str]]:
    """Findings ``{"check", "verdict": ok|warn|bad, "detail"}`` in a fixed order."""
    return [
        _python(),
        _packages(),
        _openmp(),
        _disk(settings.home_dir),
        _port(settings.http_port, "KServe REST"),
        _port(settings.grpc_port, "KServe gRPC"),
        _port(settings.dashboard_port, "counterfoil up"),
        _redis(settings),
        *[_stage(stage.name, settings) for stage in STAGES if not stage.is_always_run],
    ]


def _python() -> dict[str, str]:
    found = ".".join(map(str, sys.version_info[:3]))
    is_right = sys.version_info[:2] == (3, 11)
    return _finding("python", "ok" if is_right else "bad", f"{found} (3.11 is what is tested)")


def _packages() -> dict[str, str]:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    detail = f"missing: {', '.join(missing)}; run make install" if missing else "all installed"
    return _finding("packages", "bad" if missing else "ok", detail)


def _openmp() -> dict[str, str]:
    found = ctypes.util.find_library("gomp")
    return _finding("libgomp", "ok", str(found or "not on this machine: torch's own copy is used"))


def _disk(home: Path) -> dict[str, str]:
    folder = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    verdict = "ok" if free >= _FREE_BYTES else "warn"
    return _finding("disk", verdict, f"{free / 2**30:.1f} GiB free at {folder}")


def _port(port: int, user: str) -> dict[str, str]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return _finding(f"port {port}", "warn", f"in use; {user} needs it, or set another port")
    return _finding(f"port {port}", "ok", f"free for {user}")


def _redis(settings: Settings) -> dict[str, str]:
    found = shutil.which("redis-server")
    if settings.online_store == "sqlite":
        return _finding("redis", "ok", "not needed: the online store is sqlite")
    return _finding("redis", "ok" if found else "warn", found or "no redis-server on this machine")


def _stage(name: str, settings: Settings) -> dict[str, str]:
    from flows.ledger import read_state

    state = read_state(settings.stages_dir, name)
    if state is None:
        return _finding(name, "warn", "has not ended well here yet; counterfoil demo")
    gone = [path for path in state.outputs if not Path(path).exists()]
    if gone:
        return _finding(name, "warn", f"{gone[0]} is gone; the next run makes it again")
    return _finding(name, "ok", state.summary)


def _finding(check: str, verdict: str, detail: str) -> dict[str, str]:
    return {"check": check, "verdict": verdict, "detail": detail}
