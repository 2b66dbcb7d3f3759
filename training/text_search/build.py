"""Build an index of a catalogue, or bring one up to date: only changed texts are embedded.

    index = build(Path("index"), read_catalogue(path), load_encoder())

A second build gives, byte for byte, the vectors of a whole one. Vectors of two encoders are never
mixed. Killed at any moment, the old index stays in use and what was embedded is kept. Progress is
said on stderr.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.encoder.model import Encoder
from training.text_search.assembly import Assembly
from training.text_search.catalogue import Catalogue
from training.text_search.config import SearchKnobs
from training.text_search.fit_fusion import fit_fusion
from training.text_search.fusion import Fusion
from training.text_search.index import SearchIndex
from training.text_search.index_file import (
    load_index,
    open_stored,
    refuse_other_encoder,
    save_index,
)
from training.text_search.judged import Judged, known_items
from training.text_search.vector_store import Say, VectorStore

NOTHING: Mapping[str, str] = {}
NO_FOLDERS: Mapping[str, Path] = {}


def say(line: str) -> None:
    """To stderr: stdout is for data."""
    sys.stderr.write(line + "\n")


def build(  # noqa: PLR0913  # each is a choice of its own, and has a default
    index_dir: Path,
    catalogue: Catalogue,
    encoder: Encoder,
    *,
    knobs: SearchKnobs | None = None,
    fusion: Fusion | None = None,
    judged: Sequence[Judged] = (),
    known_item_queries: int = 0,
    is_whole: bool = False,
    beside: Mapping[str, str] = NOTHING,
    folders: Mapping[str, Path] = NO_FOLDERS,
    facts: Mapping[str, object] = NOTHING,
    progress: Say = say,
) -> SearchIndex:
    """The index in use afterwards; StateError where it is another encoder's and not ``is_whole``.

    The fusion is fitted on ``judged`` queries and on so many known-item queries made from the
    catalogue; without either it is the given one, or the default. ``beside`` are further files of
    this version, texts by name, and ``folders`` further folders; ``facts`` go into its card.
    """
    knobs, store = knobs or SearchKnobs(), VectorStore.open(index_dir)
    stored = None if is_whole else open_stored(index_dir)
    if stored is not None:
        refuse_other_encoder(stored, encoder)
        store.add(*stored.vectors())
    assembly = Assembly(catalogue, knobs, store, progress)
    index = assembly.index(encoder, fusion)
    judged = [*judged, *known_items(catalogue, known_item_queries)]
    if judged:
        index = fit_fusion(index, judged, progress=progress)
    save_index(
        index_dir, index, assembly.embedded(encoder),
        facts=facts, texts=beside, folders=folders, encoder=encoder,
    )  # fmt: skip
    store.forget_parts()
    progress(f"search: {len(catalogue)} products in {index_dir}")
    return load_index(index_dir, encoder)
