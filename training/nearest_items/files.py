"""An index as a folder: vectors, graph, and a card with its recall and the digest of each file.

Nothing is pickled. A folder whose files are not what the card recorded is refused, and so is one
whose digest is not the one the caller was given when it was saved.
"""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from governance.errors import InputError
from governance.files import atomic_path, digest_of, sha256_file, write_json
from training.exact_search import ExactIndex
from training.nearest_items.model import GraphItems
from training.nearest_items.train import NO_ENGINE, Built, NearestConfig, has_engine

logger = logging.getLogger(__name__)
CARD, VECTORS, GRAPH = "index.json", "vectors.safetensors", "graph.usearch"


def save_index(folder: Path, built: Built, config: NearestConfig) -> str:
    """Write beside and rename; the digest returned is what :func:`load_index` may be held to."""
    with atomic_path(folder) as beside:
        beside.mkdir(parents=True)
        save_file({"vectors": built.vectors}, beside / VECTORS)
        if isinstance(built.index, GraphItems):
            built.index.graph.save(str(beside / GRAPH))
        card: dict[str, Any] = {
            "items": len(built.vectors),
            "recall": dict(built.recall),
            "reason": built.reason,
            "config": asdict(config),
            "files": {path.name: sha256_file(path) for path in sorted(beside.iterdir())},
        }
        card = json.loads(json.dumps(card))  # tuples as the file will have them
        write_json(beside / CARD, card | {"digest": digest_of(card)})
    return digest_of(card)


def load_index(folder: Path, *, digest: str = "") -> Built:
    """Verify every file, then read; a graph without its engine is answered exactly."""
    card = read_card(folder)
    if digest and card["digest"] != digest:
        raise _refusal(folder / CARD, f"digest {digest[:12]} was expected")
    for name, expected in sorted(card["files"].items()):
        path = folder / name
        if not path.is_file() or sha256_file(path) != expected:
            raise _refusal(path, f"its content is not what {CARD} recorded")
    vectors = np.ascontiguousarray(load_file(folder / VECTORS)["vectors"])
    reason = str(card["reason"])
    if GRAPH not in card["files"]:
        return Built(ExactIndex.of(vectors), vectors, card["recall"], reason, 0.0)
    if not has_engine():
        logger.warning(NO_ENGINE)
        exact = dict.fromkeys(card["recall"], 1.0)
        return Built(ExactIndex.of(vectors), vectors, exact, NO_ENGINE, 0.0)
    from usearch.index import Index

    depth = card["config"]["expansion_search"]  # the file does not hold it
    graph = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", expansion_search=depth)
    graph.load(str(folder / GRAPH))
    return Built(GraphItems(graph, vectors), vectors, card["recall"], reason, 0.0)


def read_card(folder: Path) -> dict[str, Any]:
    """The card, unchanged since it was written."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        recorded = card["digest"]
        is_whole = recorded == digest_of({k: v for k, v in card.items() if k != "digest"})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refusal(folder / CARD, f"it cannot be read: {error}") from None
    if not is_whole:
        raise _refusal(folder / CARD, "the card was changed after it was written")
    found: dict[str, Any] = card
    return found


def _refusal(path: Path, why: str) -> InputError:
    return InputError(
        "the index of items cannot be trusted",
        where=str(path),
        why=why,
        next_step="build it again from the item vectors",
    )
