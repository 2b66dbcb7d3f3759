"""The server's life: a taken port, a champion that must not serve, a lost store, SIGTERM."""

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from governance.files import digest_of
from governance.settings import PROJECT_ROOT, Settings
from serving.champion import find_champion

pytestmark = pytest.mark.pipeline
UNSIGNED = ("digest", "version")  # of a bundle's card


@pytest.fixture(scope="module")
def champion(source_home):
    return find_champion(Settings(home=source_home))


def _own_bundle(home, champion):
    """A copy of the champion's bundle in ``home``, in place of the link."""
    (home / "bundles").unlink()
    folder = home / "bundles" / champion.name / champion.version
    shutil.copytree(champion.bundle_dir, folder)
    return folder


def test_a_taken_port_ends_at_once_with_one_error(server):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "serving.server"],
        cwd=PROJECT_ROOT,
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: port {server.settings.http_port} is in use\n")
    assert "COUNTERFOIL_HTTP_PORT" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 10  # nothing heavy was loaded


def test_a_home_without_a_champion_ends_with_what_to_do(server, tmp_path):
    with socket.socket() as one, socket.socket() as two:
        one.bind(("0.0.0.0", 0))
        two.bind(("0.0.0.0", 0))
        ports = [str(s.getsockname()[1]) for s in (one, two)]
    changes = dict(zip(("COUNTERFOIL_HTTP_PORT", "COUNTERFOIL_GRPC_PORT"), ports, strict=True))
    done = subprocess.run(
        [sys.executable, "-m", "serving.server"],
        cwd=PROJECT_ROOT,
        env=server.environment() | changes | {"COUNTERFOIL_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "error: model recommender has no released version" in done.stderr
    assert "counterfoil demo" in done.stderr


def test_another_schema_hash_keeps_the_model_unready_with_a_sentence(start_server, champion):
    def change(home):
        card_path = _own_bundle(home, champion) / "bundle.json"
        card = json.loads(card_path.read_text()) | {"schema_hash": "0" * 64}
        card["digest"] = digest_of({k: v for k, v in card.items() if k not in UNSIGNED})
        card_path.write_text(json.dumps(card))
        with sqlite3.connect(home / "records.db") as records:
            records.execute("update model_version set bundle_sha256 = ?", (card["digest"],))

    server = start_server(change, wait_for=503)
    for path in ("/v2/health/ready", "/v2/models/recommender/ready", "/v1/models/recommender"):
        answer = httpx.get(server.url + path)
        assert answer.status_code == 503
        assert "schema hash" in answer.json()["error"]
    assert server.predict({"user_id": "1"}).status_code == 503
    assert httpx.get(f"{server.url}/v2/health/live").status_code == 200
    assert "schema hash" in server.log()
    assert server.stop() == 0


def test_a_changed_bundle_file_keeps_the_model_unready(start_server, champion):
    def change(home):
        path = _own_bundle(home, champion) / "items.arrow"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))

    server = start_server(change, wait_for=503)
    answer = httpx.get(f"{server.url}/v2/models/recommender/ready")
    assert answer.status_code == 503
    assert "cannot be trusted" in answer.json()["error"]


def test_a_lost_store_gives_degraded_answers_not_errors(start_server, known_user, source_home):
    def change(home):
        with sqlite3.connect(source_home / "online.db") as source:
            source.backup(sqlite3.connect(home / "online.db"))

    server = start_server(change, without=("online.db",))
    with sqlite3.connect(server.settings.online_path) as store:
        tables = store.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            store.execute(f'drop table "{table}"')
    answer = server.predict({"user_id": known_user, "k": 5})
    (prediction,) = answer.json()["predictions"]
    assert answer.status_code == 200
    assert prediction["is_degraded"] is True
    assert answer.headers["x-degraded"] == "true"
    assert len(prediction["items"]) == 5
    (explanation,) = server.explain(prediction["request_id"]).json()["explanations"]
    assert explanation["is_degraded"] is True
    assert server.stop() == 0


def test_sigterm_finishes_the_answers_in_flight_and_leaves_with_zero(start_server, known_user):
    server = start_server()
    wishes = [{"user_id": known_user, "k": 100}] * 64
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server.predict, *wishes)
        time.sleep(0.3)
        exit_code = server.stop()
        answer = asked.result()
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, 64)
    assert exit_code == 0
    assert "Traceback" not in server.log()
