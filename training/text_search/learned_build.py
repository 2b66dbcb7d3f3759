"""Build an index whose parts are learned from clicks, or bring one up to date that learned before.

    index = build_learned(folder, catalogue, load_encoder(), log, learning=..., state_dir=...)
    index = refresh(folder, catalogue, load_encoder())

A version carries the encoder it was built by. Killed at any moment, the version before stays in
use; trainings and vectors that were done are kept.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.encoder.model import Encoder
from training.text_search.assembly import Assembly
from training.text_search.build import build
from training.text_search.catalogue import Catalogue
from training.text_search.config import SearchKnobs
from training.text_search.fusion import Fusion
from training.text_search.index import SearchIndex
from training.text_search.index_file import load_index, open_stored, save_index
from training.text_search.learn import ClickLog, learn
from training.text_search.learned_file import (
    LEARNED,
    encoder_of,
    folders_of,
    learned_folders,
    refuse_other_plain,
)
from training.text_search.learning_config import LearningKnobs
from training.text_search.vector_store import Say, VectorStore


@dataclass(frozen=True)
class Version:
    """What makes a version beside its encoder: knobs, further files, facts for the card."""

    knobs: SearchKnobs = field(default_factory=SearchKnobs)
    texts: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)


def refresh(
    index_dir: Path, catalogue: Catalogue, plain: Encoder, version: Version, *, progress: Say
) -> SearchIndex:
    """The index in use afterwards; what the version before had learned stays as it was."""
    stored = open_stored(index_dir)
    learned = None if stored is None else stored.card.get(LEARNED)
    if stored is None or learned is None:
        return build(
            index_dir, catalogue, plain,
            knobs=version.knobs, beside=version.texts, facts=version.facts, progress=progress,
        )  # fmt: skip
    refuse_other_plain(stored, plain)
    progress("search: what was learned stays; --learn learns anew")
    return build(
        index_dir, catalogue, encoder_of(stored) or plain,
        knobs=version.knobs, fusion=Fusion.from_dict(stored.card["fusion"]),
        beside=version.texts, folders=folders_of(stored),
        facts={**version.facts, LEARNED: learned}, progress=progress,
    )  # fmt: skip


def build_learned(
    index_dir: Path,
    catalogue: Catalogue,
    plain: Encoder,
    log: ClickLog,
    version: Version,
    *,
    learning: LearningKnobs,
    depth: int,
    state_dir: Path,
    progress: Say,
) -> SearchIndex:
    """The index in use afterwards; each part is a learned one where that does not lose.

    ``depth``: products of each list that a shop asks for, so as many are judged.
    """
    store, stored = VectorStore.open(index_dir), open_stored(index_dir)
    if stored is not None:
        store.add(*stored.vectors())  # by whichever encoder: a vector's key names it
    assembly = Assembly(catalogue, version.knobs, store, progress)

    def index_of(encoder: Encoder) -> SearchIndex:
        return replace(assembly.index(encoder), knobs=replace(version.knobs, depth=depth))

    found = learn(plain, index_of, log, learning, state_dir=state_dir, progress=progress)
    encoder = found.encoder or plain
    save_index(
        index_dir, assembly.index(encoder, found.fusion), assembly.embedded(encoder),
        encoder=encoder, texts=version.texts, facts={**version.facts, LEARNED: found.facts},
        folders=learned_folders(state_dir, found.encoder, found.cross),
    )  # fmt: skip
    store.forget_parts()
    shutil.rmtree(state_dir, ignore_errors=True)
    progress(f"search: {len(catalogue)} products in {index_dir}")
    return load_index(index_dir, encoder)
