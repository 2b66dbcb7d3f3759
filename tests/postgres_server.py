"""A real PostgreSQL of the tests' own, on a free port; None where no server is installed."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """Its URL while it runs; RuntimeError with the reason where it cannot."""
    binaries = _binaries()
    if binaries is None or not (binaries / "initdb").exists():
        raise RuntimeError("no PostgreSQL server on this machine (apt-get install postgresql)")
    data = folder / "data"
    as_user = _as_someone_else(data) if os.geteuid() == 0 else []  # it refuses to run as root
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = subprocess.run(
        [*as_user, binaries / "initdb", "-D", data, "-U", "counterfoil", "-A", "trust", "-N"],
        capture_output=True, text=True, cwd="/", check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise RuntimeError(f"initdb cannot run here: {made.stderr[-200:]}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    control = [*as_user, binaries / "pg_ctl", "-D", data, "-l", data / "log", "-w"]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd="/")
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    try:
        yield f"postgresql+psycopg://counterfoil@127.0.0.1:{port}/postgres"
    finally:
        with suppress(ProcessLookupError):  # it ends by itself when its folder is removed
            os.kill(pid, signal.SIGQUIT)  # at once; pg_ctl would need a folder that may be gone


def _binaries() -> Path | None:
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian puts them
    return folders[-1] if folders else None


def _as_someone_else(data: Path) -> list[str]:
    data.parent.chmod(0o777)
    for parent in list(data.parents)[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
