"""Where a training stands, as one safetensors file that is either old or new, never half.

It holds the network, the best network so far, the optimiser's moments, and as text the epoch, the
curve and a digest of what is being learned. The randomness of an epoch follows from the seed and
the epoch's number, so none has to be kept: a resumed run draws what the killed one would have.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from governance.errors import StateError
from governance.files import atomic_path

Weights = dict[str, Tensor]
_STATE = "state"


@dataclass
class Progress:
    """What a training knows between two epochs."""

    epoch: int = 0
    waited: int = 0  # epochs since the best one, or since the rate was lowered
    drops: int = 0  # times that the learning rate was lowered
    best: dict[str, float] = field(default_factory=dict)  # figures, and the epoch
    curve: list[dict[str, float]] = field(default_factory=list)  # loss and metrics by epoch
    weights: Weights = field(default_factory=dict)  # of the best epoch


def save_checkpoint(
    path: Path,
    *,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    subject: str,
) -> None:
    """Write beside and rename; ``subject`` is a digest of the data and the settings."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in progress.weights.items()}
    for place, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": value for name, value in moments.items()}
    state = {
        "subject": subject,
        "epoch": progress.epoch,
        "waited": progress.waited,
        "drops": progress.drops,
        "best": progress.best,
        "curve": progress.curve,
    }
    copies = {name: value.detach().cpu().clone() for name, value in tensors.items()}
    with atomic_path(path) as beside:
        save_file(copies, beside, metadata={_STATE: json.dumps(state)})


def resume(
    path: Path, *, network: nn.Module, optimiser: torch.optim.Optimizer, subject: str
) -> Progress:
    """Put network and optimiser where the file left them; a new start where there is none."""
    if not path.exists():
        return Progress()
    with safe_open(path, framework="pt") as opened:
        state = json.loads((opened.metadata() or {}).get(_STATE, "{}"))
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    if state.pop("subject", "") != subject:
        raise StateError(
            "the checkpoint is of another training",
            where=str(path),
            why="the data, the settings or the seed differ",
            next_step="delete it, or train with what it was begun with",
        )
    network.load_state_dict(_under("network.", tensors))
    moments: dict[int, Weights] = {}
    for name, value in _under("optimiser.", tensors).items():
        place, moment = name.split(".")
        moments.setdefault(int(place), {})[moment] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})
    return Progress(**state, weights=_under("best.", tensors))


def _under(prefix: str, tensors: Weights) -> Weights:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
