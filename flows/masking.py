"""``counterfoil mask``: find personal data in texts and mask it, with the tagger if one was taught.

The newest ``personal-data`` bundle of the home is used; without one patterns and checksums alone.
The key of the masks is made once and kept in the home, so that equal values stay equal.
"""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from governance.errors import InputError
from governance.files import atomic_path, newest_file
from governance.settings import Settings
from training.personal_data.masking import Mask, mask
from training.personal_data.model import DIRECT_KINDS, PersonalData

KEY_FILE = "masking.key"
_TASK = "personal-data"
_BATCH = 64  # texts read at once


def finder_of_home(settings: Settings, bundle: Path | None = None) -> PersonalData:
    """With the tagger of ``bundle``, or the home's newest; patterns alone where there is none."""
    folder = bundle or _newest(settings.bundles_dir / _TASK)
    if folder is None:
        return PersonalData(kinds=DIRECT_KINDS)
    import torch

    from training.personal_data.teach import finder_of
    from training.text_bundle import open_text_bundle

    torch.set_num_threads(settings.threads)
    found = open_text_bundle(folder)
    if found.head.name != _TASK:
        raise InputError(
            f"a bundle of {found.head.name} finds no personal data",
            where=str(folder),
            next_step="counterfoil train personal-data --data sentences.json",
        )
    return finder_of(found.model())


def key_of_home(settings: Settings) -> bytes:
    """The home's key, made at its first use and readable by its owner alone."""
    path = settings.home_dir / KEY_FILE
    if not path.is_file():
        with atomic_path(path) as beside:
            beside.touch(mode=0o600)
            beside.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()


def lines_of(path: Path) -> Sequence[str]:
    """The lines of a file of UTF-8, each one text, as an editor counts them."""
    try:
        text = path.read_text(encoding="utf-8")
        return text.removesuffix("\n").split("\n") if text else []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the texts cannot be read",
            where=str(path),
            why=str(error),
            next_step="give --file a UTF-8 text file",
        ) from None


def masks_of(texts: Sequence[str], finder: PersonalData, key: bytes) -> Iterator[Mask]:
    """Of each text in turn, few in memory; InputError for one that would not be read to its end."""
    most = finder.most_characters
    for number, text in enumerate(texts, start=1):
        if len(text) > most:
            raise InputError(
                f"a text has {len(text):,} characters",
                where=f"text {number}",
                why=f"at most {most:,} are read, and what is not read would not be masked",
                next_step="break it into lines",
            )
    for begin in range(0, len(texts), _BATCH):
        batch = texts[begin : begin + _BATCH]
        for text, found in zip(batch, finder.find(batch), strict=True):
            yield mask(text, found, key=key)


def _newest(shelf: Path) -> Path | None:
    card = newest_file(shelf.glob("[!.]*/text_bundle.json"))
    return card.parent if card else None
