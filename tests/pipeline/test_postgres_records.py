"""Records live in PostgreSQL by URL: the same migrations, the same rows, on a real server."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from governance.records import ContractCheck, open_records, session
from governance.settings import Settings

pytestmark = pytest.mark.pipeline


def binaries() -> Path | None:
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian puts them
    return folders[-1] if folders else None


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = binaries()
    if folder is None or not (folder / "initdb").exists():
        pytest.skip("no PostgreSQL server on this machine (apt-get install postgresql)")
    data = tmp_path_factory.mktemp("postgres") / "data"
    as_user = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        data.parent.chmod(0o777)
        for parent in list(data.parents)[:3]:
            parent.chmod(parent.stat().st_mode | 0o055)
        as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = subprocess.run(
        [*as_user, folder / "initdb", "-D", data, "-U", "counterfoil", "-A", "trust", "-N"],
        capture_output=True, text=True, cwd="/", check=False,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip(f"initdb cannot run here: {made.stderr[-200:]}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    control = [*as_user, folder / "pg_ctl", "-D", data, "-l", data / "log", "-w"]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd="/")
    yield f"postgresql+psycopg://counterfoil@127.0.0.1:{port}/postgres"
    open_records.cache_clear()
    subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, cwd="/")


def test_the_tables_are_made_and_rows_come_back_as_written(url, tmp_path):
    settings = Settings(home=tmp_path, records_url=url)
    failures = [{"column": "quantity", "check": "not in [0]", "bad": 3, "sample": "x"}]
    with session(settings) as records:
        records.add(
            ContractCheck(
                stage="raw", table_name="order_lines", checks=3, rows_in=9, rows_kept=6,
                rows_quarantined=3, is_passed=True, failures=failures,
            )
        )  # fmt: skip
    with session(settings) as records:
        (row,) = records.exec(select(ContractCheck)).all()
    assert row.failures == failures
    assert row.recorded_at.tzinfo is not None


def test_opening_again_finds_the_schema_as_it_is(url, tmp_path):
    with session(Settings(home=tmp_path, records_url=url)) as records:
        records.exec(select(ContractCheck)).all()
    open_records.cache_clear()
    tables = sa.inspect(open_records(url)).get_table_names()
    assert {"decision", "release", "stage_run", "alembic_version"} <= set(tables)
