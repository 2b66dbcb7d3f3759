"""``counterfoil up``: a local Prefect server, the deployments of prefect.yaml and a worker.

Three child processes in one terminal; when one of them dies or a signal comes, all are ended.
State lies in the home folder (``prefect/``). Nothing listens on an address but 127.0.0.1.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from flows.console import data, say
from flows.prefect_home import prefect_env
from governance.errors import InputError, StageFailed
from governance.settings import Settings

WORK_POOL = "counterfoil"
_HEALTH_SECONDS = 180  # the first start migrates Prefect's database; 40 to 75 s were seen
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 15


def up(settings: Settings) -> None:
    """Start everything, print the page's URL, and stay until a signal or a death."""
    refuse_used_port(settings.dashboard_port)
    url = f"http://127.0.0.1:{settings.dashboard_port}"
    environment = {
        **os.environ,
        **settings.as_env(),
        **prefect_env(settings),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
    }
    settings.logs_dir.mkdir(parents=True, exist_ok=True)
    with _stopped_by_signals(), _children() as start:
        say("starting the Prefect server (about 30 seconds)")
        server_options = ["--host", "127.0.0.1", "--port", str(settings.dashboard_port)]
        server = start(["server", "start", *server_options], environment, settings, "server")
        _wait_until_healthy(f"{url}/api/health", server, settings.logs_dir / "prefect-server.log")
        say("deploying daily, train and report from prefect.yaml")
        pool_options = ["--type", "process", "--overwrite"]
        _prefect(["work-pool", "create", WORK_POOL, *pool_options], environment, settings)
        _prefect(["deploy", "--all"], environment, settings)
        worker_options = ["--pool", WORK_POOL, "--name", "local"]
        worker = start(["worker", "start", *worker_options], environment, settings, "worker")
        data(f"page    {url}")
        data(f"run     PREFECT_API_URL={url}/api .venv/bin/prefect deployment run daily/daily")
        say("Ctrl-C stops server and worker")
        _stay(server, worker)


def refuse_used_port(port: int) -> None:
    """InputError when something listens on the dashboard's port already."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            return
    raise InputError(
        f"port {port} is in use",
        where=f"127.0.0.1:{port}",
        why="another program listens there, perhaps an earlier counterfoil up",
        next_step="end it, or set COUNTERFOIL_DASHBOARD_PORT to another port",
    )


class _StopAsked(Exception):
    """A signal asked us to end."""


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _StopAsked

    before = [signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    except _StopAsked:
        say("stopped")
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


class _Starter:
    """Starts Prefect processes and remembers them."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[bytes]] = []

    def __call__(
        self, arguments: list[str], environment: dict[str, str], settings: Settings, name: str
    ) -> subprocess.Popen[bytes]:
        log_path = settings.logs_dir / f"prefect-{name}.log"
        with log_path.open("wb") as log:
            child = subprocess.Popen(
                [*_prefect_command(), *arguments], env=environment, cwd=settings.project_root,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own, so that its children end with it
            )  # fmt: skip
        self.running.append(child)
        return child


@contextmanager
def _children() -> Iterator[_Starter]:
    starter = _Starter()
    try:
        yield starter
    finally:
        for child in reversed(starter.running):
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(timeout=_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _prefect(arguments: list[str], environment: dict[str, str], settings: Settings) -> None:
    done = subprocess.run(
        [*_prefect_command(), *arguments], env=environment, cwd=settings.project_root, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise StageFailed(
            f"prefect {arguments[0]} failed",
            where=f"prefect {' '.join(arguments)}",
            why=" ".join(done.stdout.split())[-300:],
            next_step="mend prefect.yaml or the flow it names, then counterfoil up again",
        )


def _prefect_command() -> list[str]:
    return [str(Path(sys.executable).with_name("prefect")), "--no-prompt"]


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + _HEALTH_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  (our own http address)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(_POLL_SECONDS)
    raise StageFailed(
        "the Prefect server did not come up",
        where=str(log_path),
        why=f"it was not healthy after {_HEALTH_SECONDS} s, or it ended",
        next_step="read the log, then counterfoil up again",
    )


def _stay(*children: subprocess.Popen[bytes]) -> None:
    while all(child.poll() is None for child in children):
        time.sleep(_POLL_SECONDS)
    raise StageFailed(
        "a Prefect process ended by itself",
        where="logs/prefect-server.log and logs/prefect-worker.log in the home folder",
        next_step="read the logs, then counterfoil up again",
    )
