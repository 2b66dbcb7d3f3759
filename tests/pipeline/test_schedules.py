"""`counterfoil up` serves Prefect's page, deploys the flows, and a worker runs one to its end."""

import json
import signal
import socket
import subprocess
import time

import httpx
import pytest
from sample_shop import command, environment

from governance.settings import PROJECT_ROOT

pytestmark = pytest.mark.pipeline
UP_SECONDS = 300  # server 40 to 75 s, two prefect commands, a worker; on two busy cores
RUN_SECONDS = 180


@pytest.fixture(scope="module")
def api(shop_home):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        command("up"), cwd=PROJECT_ROOT,
        env=environment(shop_home, COUNTERFOIL_DASHBOARD_PORT=str(port)),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        try:
            page = running.stdout.readline().split()
            assert page[:1] == ["page"], "counterfoil up ended before it printed its page"
            yield page[1]
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=60)


def answered(ask):
    """The JSON of a good answer. Prefect on SQLite says 5xx while its file is locked: ask again."""
    deadline = time.monotonic() + 60
    while (answer := ask()).status_code >= 500 and time.monotonic() < deadline:
        time.sleep(1)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def test_the_page_answers(api):
    answer = httpx.get(api, follow_redirects=True, timeout=30)
    assert answer.status_code == 200
    assert "text/html" in answer.headers["content-type"]


def test_the_three_flows_are_deployed_with_their_schedules(api):
    found = httpx.post(f"{api}/api/deployments/filter", json={}, timeout=30).json()
    crons = {d["name"]: [s["schedule"]["cron"] for s in d["schedules"]] for d in found}
    assert crons == {"daily": ["15 3 * * *"], "train": ["30 4 * * 1"], "report": ["0 6 * * *"]}
    assert {d["entrypoint"] for d in found} == {
        "flows.daily.daily", "flows.train.train", "flows.report.report",
    }  # fmt: skip


def test_a_deployed_flow_runs_once_and_its_state_can_be_read(api, shop_home):
    report = shop_home / "reports" / "audit.json"
    before = report.stat().st_mtime_ns
    (deployment,) = [
        d
        for d in httpx.post(f"{api}/api/deployments/filter", json={}, timeout=30).json()
        if d["name"] == "report"
    ]
    url = f"{api}/api/deployments/{deployment['id']}/create_flow_run"
    run = answered(lambda: httpx.post(url, json={}, timeout=30))
    deadline = time.monotonic() + RUN_SECONDS
    state = run["state"]
    while state["type"] not in {"COMPLETED", "FAILED", "CRASHED"} and time.monotonic() < deadline:
        time.sleep(1)
        state = answered(lambda: httpx.get(f"{api}/api/flow_runs/{run['id']}", timeout=30))["state"]
    assert state["type"] == "COMPLETED", json.dumps(state)
    assert report.stat().st_mtime_ns > before
