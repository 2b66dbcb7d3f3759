"""Bad input gets one error that says what, where, why and what next; nothing good is lost."""

import hashlib
import os
import signal
import socket
import subprocess
import time

import duckdb
import pytest
from sample_shop import command, counterfoil, environment

from governance.settings import PROJECT_ROOT

pytestmark = pytest.mark.pipeline


def said(done, exit_code=2):
    """The error lines of a finished command, after the checks that hold for every error."""
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    text = done.stderr[done.stderr.index("error: ") :]
    assert "  next      " in text, text
    return text


def broken_copy(sample_folder, folder, table, select):
    """The sample folder with one file replaced by ``select`` over the original."""
    for path in sample_folder.glob("*.parquet"):
        (folder / path.name).symlink_to(path)
    target = folder / f"{table}.parquet"
    target.unlink()
    with duckdb.connect() as con:
        query = select.format(f"'{sample_folder / target.name}'")
        con.execute(f"copy ({query}) to '{target}'").fetchall()
    return folder


def test_a_missing_file_is_named(tmp_path):
    text = said(counterfoil(tmp_path, "import", "online_retail", "--source", "/nowhere/x.csv"))
    assert "/nowhere/x.csv" in text


def test_an_unreadable_file_is_named(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 this is no Parquet file")
    text = said(counterfoil(tmp_path / "h", "import", "online_retail", "--source", str(path)))
    assert str(path) in text


def test_a_wrong_column_is_named_with_the_closest_one(sample_folder, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    select = "select * rename (household_id as houshold_id) from {}"
    broken_copy(sample_folder, folder, "transactions", select)
    text = said(counterfoil(tmp_path / "h", "import", "complete_journey", "--source", str(folder)))
    assert "household_id" in text
    assert "houshold_id" in text


def test_a_wrong_type_is_named(sample_folder, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    select = "select * replace ('many' as quantity) from {}"
    broken_copy(sample_folder, folder, "transactions", select)
    text = said(counterfoil(tmp_path / "h", "import", "complete_journey", "--source", str(folder)))
    assert "quantity" in text


def test_an_empty_table_is_refused_and_the_last_landing_stays(sample_folder, tmp_path):
    home, folder = tmp_path / "h", tmp_path / "shop"
    folder.mkdir()
    good = counterfoil(home, "import", "complete_journey", "--source", str(sample_folder))
    assert good.returncode == 0, good.stderr
    before = sorted(p for p in (home / "raw").rglob("part.parquet"))
    broken_copy(sample_folder, folder, "transactions", "select * from {} where false")
    said(counterfoil(home, "import", "complete_journey", "--source", str(folder)))
    assert set(before) <= set((home / "raw").rglob("part.parquet"))
    assert not list((home / "raw").rglob(".*.tmp"))


def test_an_unknown_shop_lists_the_known_ones(tmp_path):
    text = said(counterfoil(tmp_path, "import", "amazon"))
    assert "complete_journey, online_retail" in text


def test_a_wrong_environment_value_is_named(tmp_path):
    text = said(counterfoil(tmp_path, "config", COUNTERFOIL_ONLINE_STORE="mongo"))
    assert "COUNTERFOIL_ONLINE_STORE=mongo" in text


def test_a_misspelt_setting_is_not_ignored(tmp_path):
    text = said(counterfoil(tmp_path, "config", COUNTERFOIL_TREADS="2"))
    assert "COUNTERFOIL_TREADS" in text


def test_wrong_usage_exits_with_two(tmp_path):
    said(counterfoil(tmp_path, "predict"))
    said(counterfoil(tmp_path, "demoo"))


def test_nothing_can_be_served_before_a_release(tmp_path):
    text = said(counterfoil(tmp_path, "predict", "--user", "1"))
    assert "counterfoil demo" in text


@pytest.mark.parametrize("name", ["serve", "up"])
def test_a_port_in_use_is_named_before_anything_heavy_starts(tmp_path, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ports = {"COUNTERFOIL_HTTP_PORT": port, "COUNTERFOIL_DASHBOARD_PORT": port}
        started = time.monotonic()
        text = said(counterfoil(tmp_path, name, **ports))
    assert f"port {port}" in text
    assert time.monotonic() - started < 10


def test_too_many_bad_rows_stop_the_flow_with_the_table_of_checks(sample_folder, tmp_path):
    home, folder = tmp_path / "h", tmp_path / "shop"
    folder.mkdir()
    third = "case when basket_id % 3 = 0 then 0 else quantity end"
    select = f"select * replace ({third} as quantity) from {{}}"
    broken_copy(sample_folder, folder, "transactions", select)
    assert counterfoil(
        home, "import", "complete_journey", "--source", str(folder)
    ).returncode == 0  # fmt: skip
    text = said(counterfoil(home, "build"), exit_code=1)
    assert "contract order_lines failed" in text
    assert "raw__order_lines.yml" in text
    assert (home / "quarantine" / "complete_journey" / "order_lines.parquet").exists()
    assert not (home / "stages" / "check_raw.json").exists()


def digests(home):
    paths = sorted((home / "features").glob("*.parquet"))
    assert paths
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_a_run_killed_again_and_again_goes_on_from_the_last_good_stage_to_the_same_state(
    shop_home, sample_folder, tmp_path
):
    home = tmp_path / "h"
    counterfoil(home, "import", "complete_journey", "--source", str(sample_folder))
    for stage in ("simulate", "transform", "materialise"):
        kill_during(home, stage)
    done = counterfoil(home, "build")
    assert done.returncode == 0, done.stderr
    assert digests(home) == digests(shop_home)
    assert not [p for p in home.rglob(".*.tmp") if "features" in p.parts or "raw" in p.parts]


def kill_during(home, stage):
    """Start a build and kill its whole process group while ``stage`` is at work."""
    running = subprocess.Popen(
        command("build"), cwd=PROJECT_ROOT, env=environment(home),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    log, deadline = home / "logs" / f"{stage}.log", time.monotonic() + 300
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.8)  # well inside the shortest of the stages
    assert running.poll() is None, "the build ended before it could be killed"
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not (home / "stages" / f"{stage}.json").exists()


@pytest.fixture
def heard_interrupts():
    """A child inherits an ignored SIGINT, which is what a job in the background starts with."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_leaves_nothing_half_written(heard_interrupts, tmp_path):
    running = subprocess.Popen(
        command("import", "complete_journey"), cwd=PROJECT_ROOT, env=environment(tmp_path),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list((tmp_path / "raw").rglob(".*.tmp")) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, talk = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the next run goes on from the last good stage" in talk
    assert not list(tmp_path.rglob(".*.tmp"))
    assert not (tmp_path / "stages" / "import_raw.json").exists()


def test_a_half_written_state_folder_is_gone_on_from(shop_home, tmp_path):
    import shutil

    home = tmp_path / "h"
    shutil.copytree(shop_home, home, ignore=shutil.ignore_patterns("prefect"))
    (home / "stages" / "materialise.json").write_text('{"stage": "mater')
    (home / "online.db").write_bytes(b"half")
    (home / "warehouse.duckdb").write_bytes(b"half")
    for state in ("check_raw", "transform", "check_features"):
        (home / "stages" / f"{state}.json").unlink()
    done = counterfoil(home, "build")
    assert done.returncode == 0, done.stderr
    assert digests(home) == digests(shop_home)
