"""Folders that prove themselves: a card of JSON with a digest of every other file and of itself.

What bundles of recommenders and of text models share. The version is the digest's beginning, so
it names content and is free of time. A folder is written beside and renamed: old or new, never
half. A folder may hold sealed folders; the outer card counts their files as its own.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from governance.errors import InputError, StateError
from governance.files import atomic_path, digest_of, sha256_file, write_json

_VERSION_LENGTH = 12  # hex digits; chance meetings start near 16 million versions

Card = dict[str, Any]


@dataclass(frozen=True)
class Sealed:
    """A folder that was written or verified here, and its card."""

    folder: Path
    card: Card

    @property
    def version(self) -> str:
        return str(self.card["version"])


def seal(shelf: Path, card_name: str, write: Callable[[Path], Mapping[str, object]]) -> Path:
    """``<shelf>/<version>``: ``write`` fills a folder beside and returns facts for its card."""
    shelf.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=shelf, prefix=".", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary) / "bundle"
        folder.mkdir()
        facts = write(folder)
        files = {name: sha256_file(folder / name) for name in sorted(_files_of(folder))}
        card: Card = {**facts, "files": files}
        digest = _digest_of_card(card)
        card |= {"digest": digest, "version": digest[:_VERSION_LENGTH]}
        write_json(folder / card_name, card)
        final = shelf / str(card["version"])
        if _is_intact(final, card_name, card):
            os.utime(final / card_name)  # made again: the newest now
            return final
        with atomic_path(final) as beside:
            folder.rename(beside)
    return final


def _is_intact(folder: Path, card_name: str, card: Card) -> bool:
    """Whether these very bytes stand there already: then nothing has to make way for them."""
    try:
        verified(folder, card_name, form=int(card.get("format", 0)), digest=card["digest"])
    except (InputError, StateError):
        return False
    return True


def verified(folder: Path, card_name: str, *, form: int, digest: str = "") -> Card:
    """The card of a folder whose every file is as it was sealed, and as the caller expects."""
    card = _read_card(folder / card_name, form)
    files = card["files"]
    found = _files_of(folder) - {card_name}
    if unlike := sorted(found.symmetric_difference(files)):
        state = "is missing" if unlike[0] in files else "does not belong to the bundle"
        raise _refusal(folder / unlike[0], f"the file {state}")
    for name, expected in sorted(files.items()):
        if sha256_file(folder / name) != expected:
            raise _refusal(folder / name, f"its content is not what {card_name} recorded")
    if card["digest"] != _digest_of_card(card):
        raise _refusal(folder / card_name, "the card was changed after it was written")
    if digest and digest != card["digest"]:
        raise _refusal(folder / card_name, f"digest {digest[:12]} was recorded at release")
    return card


def _files_of(folder: Path) -> set[str]:
    """Of folders in it as well, by their paths from it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def _digest_of_card(card: Mapping[str, object]) -> str:
    return digest_of({k: v for k, v in card.items() if k not in ("digest", "version")})


def _read_card(path: Path, form: int) -> Card:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _refusal(path, "the file is missing") from None
    except ValueError as error:
        raise _refusal(path, f"it is not JSON: {error}") from None
    if not isinstance(card, dict) or not {"files", "digest", "version"} <= card.keys():
        raise _refusal(path, "it is no card of a bundle")
    if card.get("format") != form:
        raise _refusal(path, f"its format is {card.get('format')}, this reads {form}")
    return card


def _refusal(path: Path, why: str) -> InputError:
    return InputError(
        f"bundle {path.parent.name} cannot be trusted",
        where=str(path),
        why=why,
        next_step="restore the folder from a backup, or train it anew",
    )
