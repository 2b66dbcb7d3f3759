"""A shop's search as files: the help and what sells lie in the index's own version folder.

Sealed together, so that an index never answers with another catalogue's help. Nothing is pickled.
"""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from governance.errors import InputError, StateError
from governance.files import canonical_json
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.query_help.model import QueryHelp
from training.shop_search.config import read_shop_search_knobs
from training.shop_search.finding import Popular, ShopSearch
from training.text_search.index import Embeds
from training.text_search.index_file import load_index, open_stored
from training.text_search.learned_file import cross_of, encoder_of

logger = logging.getLogger(__name__)

HELP_FILE, POPULAR_FILE = "query_help.json", "popular.json"


def files_beside(query_help: QueryHelp, popular: Popular) -> dict[str, str]:
    """What :func:`open_shop_search` reads, by name of the file; same help, same bytes."""
    return {
        HELP_FILE: canonical_json(query_help.as_json()),
        POPULAR_FILE: canonical_json({name: list(ids) for name, ids in popular.items()}),
    }


def open_shop_search(index_dir: Path, *, encoder: str = "") -> ShopSearch:
    """The version in use, verified; StateError where none was built, or by another encoder.

    A version that learned from clicks has its own encoder, and ``encoder`` is not asked for.
    Queries are read by a quicker form of the encoder; making it takes a second.
    """
    stored = open_stored(index_dir)
    if stored is None or HELP_FILE not in stored.card["files"]:
        raise StateError(
            "no search index has been built",
            where=str(index_dir),
            why="run counterfoil train search and start the server again",
            next_step="counterfoil train search",
        )
    network, knobs = encoder_of(stored) or load_encoder(encoder), read_shop_search_knobs()
    digest = str(stored.card["digest"])
    index = load_index(index_dir, network, cross=cross_of(stored), digest=digest)
    return ShopSearch(
        index=replace(index, encoder=_quick(network, index.knobs.length, knobs.query_bits)),
        help=QueryHelp.from_json(_read(stored.folder / HELP_FILE)),
        popular=_read(stored.folder / POPULAR_FILE),
        knobs=knobs,
    )


def _quick(encoder: Encoder, length: int, bits: int) -> Embeds:
    """The query encoder, or the encoder itself where its kind of network cannot be exported."""
    from training.text_search.query_encoder import QueryEncoder  # onnxruntime

    try:
        return QueryEncoder.of(encoder, length=length, bits=bits)
    except Exception:
        logger.exception("%s cannot be exported: queries are read by torch", encoder.name)
        return encoder


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            "a file of the index is no JSON", where=str(path), why=str(error)
        ) from None
    if not isinstance(found, dict):
        raise InputError("a file of the index is no mapping", where=str(path))
    return found
