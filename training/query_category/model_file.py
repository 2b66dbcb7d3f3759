"""A model of queries' categories as one safetensors file, tied to the encoder of its vectors.

Nothing is pickled. Vectors of another encoder mean something else, so its digest is checked. As a
bundle the file is sealed with a card: ``bundles/query_category/<version>/``.

    model = open_categories(folder).model(load_encoder())
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy import sparse

from governance.errors import InputError
from governance.files import atomic_path, write_text
from training.encoder.model import Encoder
from training.query_category.model import FEATURES, NAME, QueryCategories, Weighing
from training.sealed_folder import Sealed, seal, verified

CARD = "category_bundle.json"
FORMAT = 1  # raised when a reader of old bundles would misread a new one
_MODEL = "categories.safetensors"
_ARRAYS = ("place", "rarity", "vectors", "words.data", "words.indices", "words.indptr")


class CategoriesBundle(Sealed):
    """A verified bundle: its folder and its card."""

    def model(self, encoder: Encoder) -> QueryCategories:
        """The model, ready to answer with the encoder it was taught by."""
        return load_query_categories(self.folder / _MODEL, encoder)


def save_categories(
    bundles_dir: Path,
    model: QueryCategories,
    encoder: Encoder,
    *,
    facts: Mapping[str, object],
    pages: Mapping[str, str],
) -> CategoriesBundle:
    """Write it beside and rename it; ``facts`` go into the card, ``pages`` are files by name."""

    def write(folder: Path) -> Mapping[str, object]:
        save_query_categories(folder / _MODEL, model, encoder)
        for name, text in pages.items():
            write_text(folder / name, text)
        return {**facts, "model_name": NAME, "format": FORMAT}

    return open_categories(seal(bundles_dir / NAME, CARD, write))


def open_categories(folder: Path, *, digest: str = "") -> CategoriesBundle:
    """Verify every file against the card, before any of them is read."""
    return CategoriesBundle(folder, verified(folder, CARD, form=FORMAT, digest=digest))


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
    told = {
        "categories": model.categories,
        "weighing": asdict(model.weighing),
        "encoder": encoder.digest,
    }
    with atomic_path(path) as beside:  # one name: safetensors writes several in any order
        save_file(arrays, beside, {"told": json.dumps(told)})


def load_query_categories(path: Path, encoder: Encoder) -> QueryCategories:
    """What :func:`save_query_categories` wrote with this encoder; InputError for another."""
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
            told = json.loads((file.metadata() or {})["told"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(
            "no model of queries' categories can be read", where=str(path), why=str(error)
        ) from None
    if told["encoder"] != encoder.digest:
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
