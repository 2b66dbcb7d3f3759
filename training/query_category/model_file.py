"""A model of queries' categories as one safetensors file, tied to the encoder of its vectors.

Nothing is pickled. Vectors of another encoder mean something else, so its digest is checked.
"""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy import sparse

from governance.errors import InputError
from governance.files import atomic_path
from training.encoder.model import Encoder
from training.query_category.model import FEATURES, QueryCategories, Weighing

_ARRAYS = ("place", "rarity", "vectors", "words.data", "words.indices", "words.indptr")


def save_query_categories(path: Path, model: QueryCategories, encoder: Encoder) -> None:
    """Arrays, and as metadata what is not an array."""
    words = model.words
    arrays = {
        "place": model.place,
        "rarity": model.rarity,
        "vectors": model.vectors,
        "words.data": words.data,
        "words.indices": words.indices,
        "words.indptr": words.indptr,
    }
    told = {"categories": model.categories, "weighing": asdict(model.weighing)}
    with atomic_path(path) as beside:
        save_file(arrays, beside, {"told": json.dumps(told), "encoder": encoder.digest})


def load_query_categories(path: Path, encoder: Encoder) -> QueryCategories:
    """What :func:`save_query_categories` wrote with this encoder; InputError for another."""
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
            told = json.loads(about["told"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(
            "no model of queries' categories can be read", where=str(path), why=str(error)
        ) from None
    if about.get("encoder") != encoder.digest:
        raise InputError(
            "the vectors were made by another encoder",
            where=str(path),
            why=f"now {encoder.name} is set",
            next_step="teach it anew",
        )
    parts = (arrays["words.data"], arrays["words.indices"], arrays["words.indptr"])
    return QueryCategories(
        categories=tuple(told["categories"]),
        place=arrays["place"],
        words=sparse.csr_matrix(parts, shape=(len(arrays["place"]), FEATURES)),
        rarity=arrays["rarity"],
        vectors=arrays["vectors"],
        weighing=Weighing(**told["weighing"]),
    )
