"""A ranker and its calibration as files of a bundle: LightGBM's text, safetensors, or JSON.

Which ranker a bundle holds is told by the files that are there. Nothing here imports torch.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from safetensors.numpy import load_file, save_file

from governance.errors import InputError
from governance.files import canonical_json
from training.blended_ranker import BlendedRanker
from training.calibration.model import Calibration
from training.candidate_ranker import CandidateRanker
from training.deep_ranker.model import DeepRanker
from training.ranker.model import FeatureColumn, Ranker
from training.recommender.fused_ranker import FusedRanker

FOREST, NETWORK, FUSION = "ranker.txt", "deep_ranker.safetensors", "fused_ranker.json"
BLEND = "blended_ranker.json"  # the spread of each part, whose files lie beside it
CALIBRATION = "calibration.safetensors"
_FILES: Mapping[type[CandidateRanker], str] = {Ranker: FOREST, DeepRanker: NETWORK}


def write_ranker(folder: Path, ranker: CandidateRanker, calibration: Calibration | None) -> None:
    """The ranker's files, and the calibration's where there is one."""
    _write(folder, ranker)
    if calibration is not None:
        save_file(calibration.arrays(), folder / CALIBRATION)


def _write(folder: Path, ranker: CandidateRanker) -> None:
    if isinstance(ranker, Ranker):
        (folder / FOREST).write_text(ranker.booster.model_to_string(), encoding="utf-8")
    elif isinstance(ranker, DeepRanker):
        arrays = {name: np.ascontiguousarray(array) for name, array in ranker.arrays().items()}
        save_file(arrays, folder / NETWORK)
    elif isinstance(ranker, FusedRanker):
        (folder / FUSION).write_text(canonical_json(ranker.as_dict()), encoding="utf-8")
    elif isinstance(ranker, BlendedRanker):
        for part in ranker.parts:
            _write(folder, part)
        files = [_FILES[type(part)] for part in ranker.parts]
        spreads = dict(zip(files, ranker.spreads, strict=True))
        (folder / BLEND).write_text(canonical_json(spreads), encoding="utf-8")
    else:
        raise InputError(
            f"a ranker of the kind {type(ranker).__name__} cannot be saved",
            where=str(folder),
            why="a bundle holds a LightGBM forest, a deep ranker, both, or a fusion of retrievers",
        )


def read_ranker(folder: Path, card: Mapping[str, Any]) -> CandidateRanker:
    """The ranker that the folder holds, with the columns that the card names, in order."""
    retrieval = tuple(card["retrieval_columns"])
    service = tuple(FeatureColumn(**column) for column in card["feature_columns"])
    if (folder / BLEND).exists():
        spreads = json.loads((folder / BLEND).read_text(encoding="utf-8"))
        parts = tuple(_read(folder / name, retrieval, service) for name in spreads)
        return BlendedRanker(parts, tuple(spreads.values()))
    there = next((name for name in (NETWORK, FUSION) if (folder / name).exists()), FOREST)
    return _read(folder / there, retrieval, service)


def _read(
    path: Path, retrieval: tuple[str, ...], service: tuple[FeatureColumn, ...]
) -> CandidateRanker:
    if path.name == NETWORK:
        return DeepRanker.from_arrays(load_file(path), retrieval=retrieval, service=service)
    text = path.read_text(encoding="utf-8")
    if path.name == FUSION:
        return FusedRanker.from_dict(json.loads(text), retrieval=retrieval, service=service)
    return Ranker(lgb.Booster(model_str=text), retrieval, service)


def read_calibration(folder: Path) -> Calibration | None:
    """The calibration, if the bundle has one."""
    path = folder / CALIBRATION
    return Calibration.from_arrays(load_file(path)) if path.exists() else None
