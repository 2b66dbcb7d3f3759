"""A shop's search as files: the help and what sells lie in the index's own version folder.

Sealed together, so that an index never answers with another catalogue's help. Nothing is pickled.
"""

import json
from pathlib import Path
from typing import Any

from governance.errors import InputError, StateError
from governance.files import canonical_json
from training.encoder.checkpoint import load_encoder
from training.query_help.model import QueryHelp
from training.shop_search.config import read_shop_search_knobs
from training.shop_search.finding import Popular, ShopSearch
from training.text_search.index_file import load_index, open_stored

HELP_FILE, POPULAR_FILE = "query_help.json", "popular.json"


def files_beside(query_help: QueryHelp, popular: Popular) -> dict[str, str]:
    """What :func:`open_shop_search` reads, by name of the file; same help, same bytes."""
    return {
        HELP_FILE: canonical_json(query_help.as_json()),
        POPULAR_FILE: canonical_json({name: list(ids) for name, ids in popular.items()}),
    }


def open_shop_search(index_dir: Path, *, encoder: str = "") -> ShopSearch:
    """The version in use, verified; StateError where none was built, or by another encoder."""
    stored = open_stored(index_dir)
    if stored is None or HELP_FILE not in stored.card["files"]:
        raise StateError(
            "no search index has been built",
            where=str(index_dir),
            why="run counterfoil train search and start the server again",
            next_step="counterfoil train search",
        )
    index = load_index(index_dir, load_encoder(encoder), digest=str(stored.card["digest"]))
    return ShopSearch(
        index=index,
        help=QueryHelp.from_json(_read(stored.folder / HELP_FILE)),
        popular=_read(stored.folder / POPULAR_FILE),
        knobs=read_shop_search_knobs(),
    )


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
