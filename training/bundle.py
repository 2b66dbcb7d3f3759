"""A trained recommender as files that prove themselves: one folder, a digest over every file.

Arrays are safetensors, the forest is LightGBM's text, vocabularies are Arrow; nothing is pickled.
``bundle.json`` names the feature service, its ordered columns and schema hash, the metrics, the
cutoffs and the digest of every other file. The version is a digest of content, free of time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc
from safetensors.numpy import load_file, save_file

from governance.errors import InputError
from governance.files import atomic_path, digest_of, sha256_file, write_json
from training.covisitation.model import Covisitation
from training.ranker.model import FeatureColumn, Ranker
from training.recommender.assortment import Assortment
from training.recommender.history import History
from training.recommender.model import Recommender
from training.recommender.neighbours import Neighbours
from training.recommender.signals import Memory
from training.sasrec.vectors import SasrecVectors

MODEL_NAME = "recommender"
CARD = "bundle.json"
FORMAT = 1  # raised when a reader of old bundles would misread a new one
_PARTS: dict[str, type] = {
    "history": History,
    "covisitation": Covisitation,
    "neighbours": Neighbours,
    "sasrec": SasrecVectors,
    "stock": Assortment,
}
_VERSION_LENGTH = 12  # hex digits; chance meetings start near 16 million versions

Part = TypeVar("Part")
Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: its folder and its card (``bundle.json``)."""

    folder: Path
    card: Mapping[str, object]

    @property
    def version(self) -> str:
        return str(self.card["version"])

    @property
    def digest(self) -> str:
        return str(self.card["digest"])

    @property
    def schema_hash(self) -> str:
        return str(self.card["schema_hash"])

    def recommender(self) -> Recommender:
        """The recommender, ready to answer."""
        parts = {
            name: kind(**load_file(self.folder / f"{name}.safetensors"))
            for name, kind in _PARTS.items()
        }
        users = _read_arrow(self.folder / "users.arrow")
        items = _read_arrow(self.folder / "items.arrow")
        return Recommender(
            user_ids=np.array(users["user_id"].to_pylist(), dtype=np.str_),
            item_ids=np.array(items["item_id"].to_pylist(), dtype=np.str_),
            titles=tuple(items["title"].to_pylist()),
            memory=Memory(**parts),
            ranker=self.ranker(),
        )

    def ranker(self) -> Ranker:
        """The forest with its columns in order."""
        text = (self.folder / "ranker.txt").read_text(encoding="utf-8")
        retrieval, service = self.card["retrieval_columns"], self.card["feature_columns"]
        assert isinstance(retrieval, list) and isinstance(service, list)  # noqa: PT018  verified
        columns = tuple(FeatureColumn(**column) for column in service)
        return Ranker(lgb.Booster(model_str=text), tuple(retrieval), columns)


def save_bundle(
    bundles_dir: Path,
    recommender: Recommender,
    *,
    network_weights: Arrays,
    facts: Mapping[str, object],
) -> Bundle:
    """Write the bundle beside and rename it to ``<bundles_dir>/recommender/<version>``.

    ``facts`` go into ``bundle.json`` as they are: metrics, floors, cutoffs, seed, manifest digest.
    """
    if recommender.ranker is None:
        raise InputError("a recommender without a ranker cannot be saved", next_step="fit it first")
    staging = bundles_dir / MODEL_NAME / "incoming"
    with atomic_path(staging) as beside:
        beside.mkdir(parents=True)
        _write_files(beside, recommender, network_weights)
        card = _card(beside, recommender.ranker, facts)
        write_json(beside / CARD, card)
        final = bundles_dir / MODEL_NAME / str(card["version"])
        with atomic_path(final) as place:
            beside.rename(place)
            beside.mkdir()
    return Bundle(final, card)
