"""What SASRec's checkpoint is a checkpoint of, and the trained network as a file with its sizes."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from governance.files import atomic_path, digest_of
from training.sasrec.config import SasrecTraining
from training.sasrec.model import Sasrec, SasrecConfig

_FREE = ("epochs", "patience", "accumulate")  # may change between a run and its resumption


def subject_of(
    network: Sasrec, rows: tuple[Tensor, ...], training: SasrecTraining, judged_by: str = ""
) -> str:
    """A digest of all that decides the result: rows, judges, first weights, sizes and settings."""
    taught, weights = hashlib.sha256(), hashlib.sha256()
    for part in rows:
        taught.update(part.numpy().tobytes())
    for name, value in network.state_dict().items():
        weights.update(f"{name} {list(value.shape)}".encode())
        weights.update(value.detach().cpu().numpy().tobytes())
    knobs = {name: value for name, value in asdict(training).items() if name not in _FREE}
    return digest_of(
        {
            "rows": taught.hexdigest(),
            "judged_by": judged_by,
            "weights": weights.hexdigest(),
            "network": asdict(network.config),
            "training": knobs,
        }
    )


def digest_of_arrays(*arrays: NDArray[np.generic]) -> str:
    """Of their bytes, each by itself."""
    parts = (hashlib.sha256(np.ascontiguousarray(one).tobytes()).digest() for one in arrays)
    return hashlib.sha256(b"".join(parts)).hexdigest()


def save_network(path: Path, network: nn.Module, config: SasrecConfig) -> None:
    """The trained network with its sizes, for :func:`load_network`."""
    weights = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
    with atomic_path(path) as beside:
        save_file(weights, beside, metadata={"config": json.dumps(asdict(config))})


def load_network(path: Path) -> tuple[Sasrec, SasrecConfig]:
    """The network as it was saved, ready to answer."""
    with safe_open(path, framework="pt") as opened:
        config = SasrecConfig(**json.loads((opened.metadata() or {})["config"]))
        weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    network = Sasrec(config, len(weights["items.weight"]) - 1)
    network.load_state_dict(weights)
    return network.eval(), config
