"""A ranker and its calibration as files of a bundle: LightGBM's text, safetensors, or JSON.

Which ranker a bundle holds is told by the file that is there. Nothing here imports torch.
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
from training.calibration.model import Calibration
from training.candidate_ranker import CandidateRanker
from training.deep_ranker.model import DeepRanker
from training.ranker.model import FeatureColumn, Ranker
from training.recommender.fused_ranker import FusedRanker

FOREST, NETWORK, FUSION = "ranker.txt", "deep_ranker.safetensors", "fused_ranker.json"
CALIBRATION = "calibration.safetensors"


def write_ranker(folder: Path, ranker: CandidateRanker, calibration: Calibration | None) -> None:
    """The ranker's file, and the calibration's where there is one."""
    if isinstance(ranker, Ranker):
        (folder / FOREST).write_text(ranker.booster.model_to_string(), encoding="utf-8")
    elif isinstance(ranker, DeepRanker):
        arrays = {name: np.ascontiguousarray(array) for name, array in ranker.arrays().items()}
        save_file(arrays, folder / NETWORK)
    elif isinstance(ranker, FusedRanker):
        (folder / FUSION).write_text(canonical_json(ranker.as_dict()), encoding="utf-8")
    else:
        raise InputError(
            f"a ranker of the kind {type(ranker).__name__} cannot be saved",
            where=str(folder),
            why="a bundle holds a LightGBM forest, a deep ranker or a fusion of retrievers",
        )
    if calibration is not None:
        save_file(calibration.arrays(), folder / CALIBRATION)


def read_ranker(folder: Path, card: Mapping[str, Any]) -> CandidateRanker:
    """The ranker that the folder holds, with the columns that the card names, in order."""
    retrieval = tuple(card["retrieval_columns"])
    service = tuple(FeatureColumn(**column) for column in card["feature_columns"])
    if (folder / NETWORK).exists():
        arrays = load_file(folder / NETWORK)
        return DeepRanker.from_arrays(arrays, retrieval=retrieval, service=service)
    if (folder / FUSION).exists():
        found = json.loads((folder / FUSION).read_text(encoding="utf-8"))
        return FusedRanker.from_dict(found, retrieval=retrieval, service=service)
    text = (folder / FOREST).read_text(encoding="utf-8")
    return Ranker(lgb.Booster(model_str=text), retrieval, service)


def read_calibration(folder: Path) -> Calibration | None:
    """The calibration, if the bundle has one."""
    path = folder / CALIBRATION
    return Calibration.from_arrays(load_file(path)) if path.exists() else None
