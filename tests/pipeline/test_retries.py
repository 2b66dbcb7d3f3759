"""A stage whose process died is tried once more; a gate that said no or bad input is not."""

import pytest

from governance.errors import GateRefused, InputError, StageFailed
from governance.settings import Settings

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def prefect_server():
    import os

    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


def tries(monkeypatch, tmp_path, *faults):
    """Run one stage as a task whose first calls raise ``faults``; how often was it called?"""
    from prefect import flow

    from flows import staged

    calls = []

    def one_stage(name, settings, *, source, run_name):
        calls.append(name)
        if len(calls) <= len(faults):
            raise faults[len(calls) - 1]
        return {"stage": name}

    monkeypatch.setattr(staged, "one_stage", one_stage)
    task = staged.stage_task.with_options(retry_delay_seconds=0)

    @flow(name="one stage")
    def run():
        return task("report", Settings(home=tmp_path), None)

    try:
        run()
    except (StageFailed, GateRefused, InputError) as error:
        return len(calls), type(error)
    return len(calls), None


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([StageFailed("died")], (2, None)),
        ([StageFailed("died"), StageFailed("died again")], (2, StageFailed)),
        ([GateRefused("no")], (1, GateRefused)),
        ([InputError("bad file")], (1, InputError)),
    ],
)
def test_only_a_stage_that_died_is_tried_again(
    prefect_server, monkeypatch, tmp_path, faults, expected
):
    assert tries(monkeypatch, tmp_path, *faults) == expected
