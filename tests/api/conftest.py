"""A real server on a real home: ``python -m serving.server`` in a process of its own.

The home is that of the sample shop (``shop_home``), in which the main job has run. It is only
read: each server gets a folder of links to it and a copy of the records, so that decisions of a
test run are not left behind.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sample_shop import two_free_ports

from governance.settings import PROJECT_ROOT, Settings
from serving.champion import find_champion

START_SECONDS = 180  # Feast alone takes up to 28 s to import on two busy cores
LOAD_SECONDS = 90  # an encoder and an index, after the recommender


@dataclass
class Server:
    """A running predictor and how to reach it."""

    process: subprocess.Popen
    settings: Settings
    log_path: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.http_port}"

    @property
    def predict_url(self) -> str:
        return f"{self.url}/v1/models/recommender:predict"

    def log(self) -> str:
        return self.log_path.read_text()

    def predict(self, *instances, **kwargs) -> httpx.Response:
        return httpx.post(
            self.predict_url, json={"instances": list(instances)}, timeout=30, **kwargs
        )

    def explain(self, request_id, **kwargs) -> httpx.Response:
        body = {"instances": [{"request_id": request_id}]}
        return httpx.post(
            f"{self.url}/v1/models/recommender:explain", json=body, timeout=30, **kwargs
        )

    def curl_body(self) -> dict:
        """The body of the command the server prints for trying it."""
        (line,) = re.findall(r"curl -s .*-d '(.*)'", self.log())
        return json.loads(line)

    def environment(self) -> dict[str, str]:
        return environment(self.settings)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()  # else it keeps its ports, and those after it never stop
            self.process.wait()
            raise


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the home and ports of ``settings``, and bytecode on."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERFOIL_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {
        "COUNTERFOIL_HOME": str(settings.home_dir),
        "COUNTERFOIL_HTTP_PORT": str(settings.http_port),
        "COUNTERFOIL_GRPC_PORT": str(settings.grpc_port),
    }


def linked_home(source: Path, home: Path, *, without: tuple[str, ...] = ()) -> Path:
    """A home of links to ``source``, but for its own records and what is left out."""
    home.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.name.startswith("records.db"):
            shutil.copy2(entry, home / entry.name)
        elif not entry.name.startswith(without or ("\0",)):
            (home / entry.name).symlink_to(entry)
    return home


def start(home: Path, *, wait_for: int = 200) -> Server:
    """Start a server and wait until it has loaded and readiness answers ``wait_for``."""
    http_port, grpc_port = two_free_ports()
    settings = Settings(home=home, http_port=http_port, grpc_port=grpc_port)
    log_path = home / "server.log"
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.server"],
            cwd=PROJECT_ROOT,
            env=environment(settings),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, settings, log_path)
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        answer = _ready(server)
        if answer is not None and "still loading" not in answer.text:
            if answer.status_code == wait_for:
                return server
            break
        time.sleep(0.3)
    process.kill()
    pytest.fail(f"readiness is not {wait_for}:\n{server.log()[-4000:]}")


def _ready(server: Server) -> httpx.Response | None:
    try:
        return httpx.get(f"{server.url}/v2/health/ready", timeout=5)
    except httpx.HTTPError:
        return None


@pytest.fixture(scope="session")
def source_home(shop_home) -> Path:
    """The home of the sample shop, with a champion."""
    find_champion(Settings(home=shop_home))
    return shop_home


@pytest.fixture
def start_server(source_home, tmp_path) -> Iterator[Callable[..., Server]]:
    """Start a server of one's own on a home that ``change(home)`` may spoil first."""
    running = []

    def started(change=None, *, without=(), wait_for=200) -> Server:
        home = linked_home(source_home, tmp_path / "home", without=without)
        if change is not None:
            change(home)
        running.append(start(home, wait_for=wait_for))
        return running[-1]

    yield started
    for server in running:
        server.stop()


@pytest.fixture
def start_server_with(start_server) -> Callable[..., Server]:
    """Start a server to whose home the bundles of another model were added, and wait for it."""

    def started(bundles: Path, *, model: str) -> Server:
        def change(home: Path) -> None:
            released = (home / "bundles").resolve()
            (home / "bundles").unlink()
            (home / "bundles").mkdir()
            folders = {folder.name: folder for folder in (*released.iterdir(), *bundles.iterdir())}
            for name, folder in folders.items():
                (home / "bundles" / name).symlink_to(folder)

        server = start_server(change)
        ends_at = time.monotonic() + LOAD_SECONDS
        while time.monotonic() < ends_at:
            if httpx.get(f"{server.url}/v2/models/{model}/ready", timeout=5).status_code == 200:
                return server
            time.sleep(0.3)
        pytest.fail(server.log()[-4000:])

    return started


@pytest.fixture(scope="session")
def server(source_home, tmp_path_factory) -> Iterator[Server]:
    """One ready server for all tests of this folder that do not break it."""
    running = start(linked_home(source_home, tmp_path_factory.mktemp("serving") / "home"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def known_user(server) -> str:
    return server.curl_body()["instances"][0]["user_id"]
