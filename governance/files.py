"""Files that are either old or new, never half: digests, canonical JSON, write beside and rename.

Lives in governance because every room writes something that an audit must be able to trust.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in 1 MiB chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def newest_file(paths: Iterable[Path]) -> Path | None:
    """The one written last, of two at the same instant the later by folder; None of none."""
    return max(
        paths, key=lambda path: (path.stat().st_mtime_ns, path.parent.name, path.name), default=None
    )


def canonical_json(value: object) -> str:
    """One text per value: sorted keys, no spaces, UTF-8, NaN refused."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(value: object) -> str:
    """Hex SHA-256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path``; on success it takes the place of ``path``, else it vanishes.

    The yielded path does not exist yet and may become a file or a folder. A folder that stands
    in the way is moved aside first and deleted after: a kill in the instant between two renames
    leaves both beside ``path``, under hidden names.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield beside
        _replace(beside, path)
    finally:
        _remove(beside)


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON with sorted keys, atomically."""
    with atomic_path(path) as beside:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
        beside.write_text(text + "\n", encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, atomically."""
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _replace(new: Path, path: Path) -> None:
    if not path.is_dir():
        os.replace(new, path)
        return
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    os.replace(path, aside)
    os.replace(new, path)
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
