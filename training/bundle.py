"""A trained recommender as files that prove themselves: one folder, a digest over every file.

Arrays are safetensors, the forest is LightGBM's text, vocabularies are Arrow; nothing is pickled.
``bundle.json`` names the feature service, its ordered columns and schema hash, the metrics, the
cutoffs and the digest of every other file. The version is a digest of content, free of time.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc
from safetensors.numpy import load_file, save_file

from governance.errors import InputError
from training.candidate_ranker import CandidateRanker
from training.covisitation.model import Covisitation
from training.ranker_files import read_calibration, read_ranker, write_ranker
from training.recommender.assortment import Assortment
from training.recommender.history import History
from training.recommender.model import Recommender
from training.recommender.neighbours import Neighbours
from training.recommender.repeats import Repeats
from training.recommender.signals import Memory
from training.sasrec.vectors import SasrecVectors
from training.sealed_folder import seal, verified

MODEL_NAME = "recommender"
CARD = "bundle.json"
NETWORK_WEIGHTS = "sasrec_network.safetensors"
FORMAT = 2  # raised when a reader of old bundles would misread a new one
_PARTS: dict[str, type] = {
    "history": History,
    "covisitation": Covisitation,
    "neighbours": Neighbours,
    "sasrec": SasrecVectors,
    "stock": Assortment,
    "repeats": Repeats,
}

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: its folder and its card (``bundle.json``)."""

    folder: Path
    card: Mapping[str, Any]

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
            calibration=read_calibration(self.folder),
        )

    def ranker(self) -> CandidateRanker:
        """The forest or the network, with its columns in order."""
        return read_ranker(self.folder, self.card)


def save_bundle(
    bundles_dir: Path,
    recommender: Recommender,
    *,
    network_weights: Arrays,
    facts: Mapping[str, object],
    texts: Mapping[str, str] = MappingProxyType({}),
) -> Bundle:
    """Write the bundle beside and rename it to ``<bundles_dir>/recommender/<version>``.

    ``facts`` go into ``bundle.json`` as they are: metrics, floors, cutoffs, seed, manifest digest;
    ``texts`` are further files by name: the model card's page, the learning curve.
    """
    if recommender.ranker is None:
        raise InputError("a recommender without a ranker cannot be saved", next_step="fit it first")
    ranker = recommender.ranker

    def write(folder: Path) -> Mapping[str, object]:
        _write_files(folder, recommender, network_weights)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        return _facts(ranker, facts)

    folder = seal(bundles_dir / MODEL_NAME, CARD, write)
    return Bundle(folder, json.loads((folder / CARD).read_text(encoding="utf-8")))


def open_bundle(folder: Path, *, digest: str = "", schema_hash: str = "") -> Bundle:
    """Verify every file against the card, and the card against what the caller expects."""
    card = verified(folder, CARD, form=FORMAT, digest=digest)
    if schema_hash and schema_hash != card["schema_hash"]:
        raise InputError(
            f"bundle {card['version']} was trained on other features than are declared now",
            where=str(folder / CARD),
            why=f"schema hash {str(card['schema_hash'])[:12]} against {schema_hash[:12]}",
            next_step="counterfoil train, or restore the feature declarations it was trained on",
        )
    return Bundle(folder, card)


def _write_files(folder: Path, recommender: Recommender, network_weights: Arrays) -> None:
    for name in _PARTS:
        part = getattr(recommender.memory, name)
        arrays = {f.name: np.ascontiguousarray(getattr(part, f.name)) for f in fields(part)}
        save_file(arrays, folder / f"{name}.safetensors")
    save_file(dict(network_weights), folder / NETWORK_WEIGHTS)
    _write_arrow(folder / "users.arrow", {"user_id": recommender.user_ids.tolist()})
    titled = {"item_id": recommender.item_ids.tolist(), "title": list(recommender.titles)}
    _write_arrow(folder / "items.arrow", titled)
    assert recommender.ranker is not None  # save_bundle refused it
    write_ranker(folder, recommender.ranker, recommender.calibration)


def _facts(ranker: CandidateRanker, facts: Mapping[str, object]) -> dict[str, object]:
    return {
        **facts,
        "model_name": MODEL_NAME,
        "format": FORMAT,
        "retrieval_columns": list(ranker.retrieval),
        "feature_columns": [asdict(column) for column in ranker.service],
    }


def _write_arrow(path: Path, columns: Mapping[str, list[str]]) -> None:
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _read_arrow(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
