"""An index as files: ``<index_dir>/<version>/``, sealed, and ``current.json`` that names one.

A version is whole before it is named, so that a killed build leaves the one before. The card names
the encoder whose vectors they are; another encoder's queries are refused. Nothing is pickled.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bm25s
import numpy as np
from safetensors.numpy import load_file, save_file

from governance.errors import StateError
from governance.files import write_json
from training.encoder.model import Encoder
from training.fine_tuning.model import TunedModel
from training.sealed_folder import Card, seal, verified
from training.text_search.assembly import Embedded
from training.text_search.catalogue_file import read_catalogue, write_catalogue
from training.text_search.config import SearchKnobs
from training.text_search.dense import Halves, Keys
from training.text_search.fusion import Fusion
from training.text_search.graph import read_graph
from training.text_search.index import Embeds, SearchIndex
from training.text_search.lexical import Lexical

CURRENT, CARD, FORMAT = "current.json", "search_index.json", 2
_PRODUCTS, _VECTORS, _GRAPH = "products.parquet", "vectors.safetensors", "graph.usearch"
_KEPT = 2  # versions: a server may still be reading the one before


@dataclass(frozen=True)
class Stored:
    """The version in use: its folder and its verified card."""

    folder: Path
    card: Card

    def vectors(self) -> tuple[Keys, Halves]:
        """(N, 32) what each vector follows from, and (N, D) the vectors."""
        found = load_file(self.folder / _VECTORS)
        return found["keys"], found["vectors"]


def load_index(
    index_dir: Path, encoder: Embeds, *, cross: TunedModel | None = None, digest: str = ""
) -> SearchIndex:
    """Verify every file, then read; ``encoder`` must be the one that the vectors come from."""
    stored = open_stored(index_dir, digest=digest)
    if stored is None:
        raise StateError(
            "there is no search index",
            where=str(index_dir / CURRENT),
            next_step="build one: counterfoil train search",
        )
    refuse_other_encoder(stored, encoder)
    card, folder = stored.card, stored.folder
    products, vectors = read_catalogue(folder / _PRODUCTS), stored.vectors()[1].astype(np.float32)
    return SearchIndex(
        catalogue=products,
        lexical=Lexical(bm25s.BM25.load(folder, allow_pickle=False), len(products)),
        vectors=vectors,
        encoder=encoder,
        fusion=Fusion.from_dict(card["fusion"]),
        knobs=SearchKnobs(**card["knobs"]),
        graph=read_graph(folder / _GRAPH, vectors) if _GRAPH in card["files"] else None,
        graph_recall=card.get("graph_recall", {}),
        cross=cross,
        version=str(card["version"]),
    )


def open_stored(index_dir: Path, *, digest: str = "") -> Stored | None:
    """The current version, verified; None where nothing was built yet."""
    try:
        named = json.loads((index_dir / CURRENT).read_text(encoding="utf-8"))
        folder, recorded = index_dir / str(named["version"]), str(named["digest"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            "the search index cannot be trusted",
            where=str(index_dir / CURRENT),
            why=f"it names no version: {error}",
            next_step="build it again into an empty folder",
        ) from None
    return Stored(folder, verified(folder, CARD, form=FORMAT, digest=digest or recorded))


def refuse_other_encoder(stored: Stored, encoder: Embeds) -> None:
    """Vectors of two encoders cannot be compared."""
    if stored.card["encoder"]["digest"] != encoder.digest:
        raise StateError(
            "the index was built by another encoder",
            where=str(stored.folder / CARD),
            why=f"its vectors are of {stored.card['encoder']['digest'][:12]}, "
            f"the given encoder is {encoder.digest[:12]}",
            next_step="give the encoder it was built by, or build it whole by the new one",
        )


def save_index(
    index_dir: Path,
    index: SearchIndex,
    embedded: Embedded,
    *,
    encoder: Encoder,
    facts: Mapping[str, object],
    texts: Mapping[str, str],
    folders: Mapping[str, Path],
) -> Stored:
    """Seal a new version, then name it, then forget versions older than the one before.

    ``texts`` are further files of the version by name, ``folders`` are copied into it.
    """

    def write(folder: Path) -> Mapping[str, object]:
        write_catalogue(index.catalogue, folder / _PRODUCTS)
        save_file({"keys": embedded.keys, "vectors": embedded.vectors}, folder / _VECTORS)
        if index.graph is not None:
            index.graph.graph.save(str(folder / _GRAPH))
        index.lexical.index.save(folder, show_progress=False, allow_pickle=False)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name, given in folders.items():
            shutil.copytree(given, folder / name)
        return {
            **facts,
            "encoder": {"name": encoder.name, "digest": encoder.digest},
            "format": FORMAT,
            "products": len(index.catalogue),
            "knobs": index.knobs.as_dict(),
            "fusion": index.fusion.as_dict(),
            **({} if index.graph is None else {"graph_recall": dict(index.graph_recall)}),
        }

    folder = seal(index_dir, CARD, write)
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    write_json(index_dir / CURRENT, {"version": card["version"], "digest": card["digest"]})
    _forget_old(index_dir, folder)
    return Stored(folder, card)


def _forget_old(index_dir: Path, current: Path) -> None:
    old = [path for path in index_dir.iterdir() if (path / CARD).is_file() and path != current]
    old.sort(key=lambda path: (path / CARD).stat().st_mtime, reverse=True)
    for path in old[_KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
