"""The ledger of stages: what each stage made, from which inputs, so that the next run can skip it.

A stage's state file is written last and by rename, so a killed run leaves the old state or none;
either way the next run goes on from the last good stage. ``fingerprint`` covers the stage's code,
its settings and the digests of what it reads; ``outputs`` are checked before they are trusted.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from governance.errors import StateError
from governance.files import digest_of, newest_file, sha256_file, write_json

_HASHED_SUFFIXES = {".parquet", ".json", ".safetensors", ".txt"}  # databases change in place


@dataclass(frozen=True)
class StageState:
    """What a finished stage left behind."""

    stage: str
    fingerprint: str
    summary: str
    seconds: float
    outputs: Mapping[str, str]  # path -> sha256, or "" for a database file
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def outputs_digest(self) -> str:
        return digest_of(sorted(self.outputs.items()))


def read_state(stages_dir: Path, stage: str) -> StageState | None:
    """The state of the last good run of ``stage``; None when there is none, or it is torn."""
    path = stages_dir / f"{stage}.json"
    try:
        return StageState(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_state(stages_dir: Path, state: StageState) -> None:
    """Make ``state`` the last good run of its stage, atomically."""
    write_json(stages_dir / f"{state.stage}.json", state.__dict__ | {"facts": dict(state.facts)})


def forget_state(stages_dir: Path, stage: str) -> None:
    """The stage is about to change its outputs: whatever state it had no longer holds."""
    (stages_dir / f"{stage}.json").unlink(missing_ok=True)


def is_unchanged(state: StageState | None, fingerprint: str) -> bool:
    """Whether the stage can be skipped: same inputs, and every output still as it was left."""
    if state is None or state.fingerprint != fingerprint:
        return False
    return all(_is_as_left(Path(path), digest) for path, digest in state.outputs.items())


def output_digests(paths: Iterable[Path]) -> dict[str, str]:
    """Digest per output file; a database, which changes in place, has none."""
    return {str(p): sha256_file(p) if p.suffix in _HASHED_SUFFIXES else "" for p in sorted(paths)}


def digest_if_there(path: Path) -> str:
    """Digest of a file; empty of none: the step that reads it says what is wrong."""
    return sha256_file(path) if path.is_file() else ""


def newest_digest(home: Path, pattern: str) -> str:
    """Digest of the file written last of those that a glob in the home finds; empty of none."""
    found = newest_file(home.glob(pattern))
    return sha256_file(found) if found else ""


def code_digest(*paths: Path) -> str:
    """Digest of source files and folders: names and bytes of .py, .sql, .yml and .yaml."""
    files: list[Path] = []
    for path in paths:
        files += [path] if path.is_file() else _sources(path)
    return digest_of([[str(f.name), sha256_file(f)] for f in sorted(files)])


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the home folder for one run; a second run is told who holds it. Freed on a kill."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StateError(
                "another run is at work in this home folder",
                where=str(home),
                why=f"process {lock.read().strip() or '?'} holds its lock",
                next_step="wait for it to end, or set COUNTERFOIL_HOME to another folder",
            ) from None
        os.set_inheritable(lock.fileno(), True)  # a child that outlives this process holds it too
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _sources(folder: Path) -> list[Path]:
    suffixes = {".py", ".sql", ".yml", ".yaml"}
    return [p for p in folder.rglob("*") if p.suffix in suffixes and "target" not in p.parts]


def _is_as_left(path: Path, digest: str) -> bool:
    return path.exists() and (not digest or sha256_file(path) == digest)
