"""The scheduled retraining as a whole: a Prefect run that goes on from the released network."""

import json
import shutil
import subprocess
import sys

import pytest
from sample_shop import MAIN_JOB_SECONDS, environment
from sqlmodel import select

from governance.records import StageRun, session
from governance.releases import champion_version
from governance.settings import PROJECT_ROOT, Settings
from training.bundle import MODEL_NAME

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


def test_the_train_flow_teaches_the_champion_on_and_the_gate_decides(shop_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(shop_home, home)
    settings = Settings(home=home)
    champion = champion_version(settings, MODEL_NAME)
    shelf = settings.bundles_dir / MODEL_NAME
    before = {path.name for path in shelf.iterdir()}

    done = subprocess.run(
        [sys.executable, "-c", "from flows.train import train; train()"],
        cwd=PROJECT_ROOT, env=environment(home), capture_output=True, text=True,
        timeout=MAIN_JOB_SECONDS, check=False,
    )  # fmt: skip

    (new,) = {path.name for path in shelf.iterdir()} - before
    card = json.loads((shelf / new / "bundle.json").read_text())
    assert card["continual"]["champion_version"] == champion
    assert card["continual"]["users"] > 0
    with session(settings) as records:
        last = {
            run.stage: run.status for run in records.exec(select(StageRun).order_by(StageRun.id))
        }
    assert last["train"] == "done"
    assert (done.returncode == 0) == (last["release"] == "done"), done.stderr[-2000:]
