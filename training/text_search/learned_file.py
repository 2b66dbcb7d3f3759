"""What an index learned, as folders of its version: the taught encoder and the cross-encoder.

They lie beside the vectors that the encoder made and are sealed with them, so that no query is read
by another encoder than the products were. Safetensors and JSON; nothing is pickled.
"""

from dataclasses import replace
from pathlib import Path

from governance.errors import StateError
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.model import TunedModel
from training.fine_tuning.taught import TaughtText
from training.text_bundle import open_text_bundle, save_text_bundle
from training.text_search.index_file import CARD, Stored

ENCODER, CROSS = "encoder", "cross_encoder"
LEARNED = "learned"  # the card's part; a version that learned nothing has none


def learned_folders(
    state_dir: Path, encoder: Encoder | None, cross: TaughtText | None
) -> dict[str, Path]:
    """The folders to seal, by name; the encoder was saved when it was taught."""
    found = {} if encoder is None else {ENCODER: state_dir / ENCODER}
    if cross is not None:
        found[CROSS] = save_text_bundle(state_dir / "bundles", cross, facts={}).folder
    return found


def folders_of(stored: Stored) -> dict[str, Path]:
    """Those of a version that hold what it learned."""
    folders = {name: stored.folder / name for name in (ENCODER, CROSS)}
    return {name: folder for name, folder in folders.items() if folder.is_dir()}


def encoder_of(stored: Stored) -> Encoder | None:
    """The version's own encoder; None where it was built by the plain one."""
    folder = stored.folder / ENCODER
    if not folder.is_dir():
        return None
    return replace(load_encoder(str(folder)), name=str(stored.card["encoder"]["name"]))


def cross_of(stored: Stored) -> TunedModel | None:
    """The version's cross-encoder, if it has one."""
    folder = stored.folder / CROSS
    return open_text_bundle(folder).model() if folder.is_dir() else None


def refuse_other_plain(stored: Stored, plain: Encoder) -> None:
    """What was taught on top of one encoder cannot be kept for another."""
    begun = str(stored.card[LEARNED]["plain_encoder"])
    if begun != plain.digest:
        raise StateError(
            "the index learned on top of another encoder",
            where=str(stored.folder / CARD),
            why=f"it began with {begun[:12]}, the given encoder is {plain.digest[:12]}",
            next_step="give the encoder it began with, or learn anew: "
            "counterfoil train search --learn",
        )
