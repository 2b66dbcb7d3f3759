"""The knobs of a SASRec training and how they are read from ``sasrec.yaml`` or ``baskets.yaml``.

Every knob's effect is in the comment beside it in those files, and the ranges in which a search
may change knobs stand below them; an unknown key is an error. ``knobs_file.py`` writes such a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from governance.errors import InputError
from training.sasrec.losses import NegativeSource
from training.sasrec.model import SasrecConfig
from training.search_space import Knob, Space
from training.settings_file import Choices, knobs_of, ranges_of, read_parts

DEFAULT_FILE = Path(__file__).parent / "sasrec.yaml"  # plain sequences of items
BASKETS_FILE = Path(__file__).parent / "baskets.yaml"  # a shop's orders; the main job's knobs
Precision = Literal["float32", "bfloat16", "auto"]
Start = Literal["random", "titles"]
_CHOICES: Choices = {
    "precision": get_args(Precision),
    "negative_source": get_args(NegativeSource),
    "start": get_args(Start),
}


@dataclass(frozen=True)
class SasrecTraining:
    """How to learn; the defaults are those of the main job, over baskets."""

    epochs: int = 6  # upper bound; early stopping ends sooner
    patience: int = 1  # epochs without a better validation NDCG@10 before stopping
    drops: int = 0  # times that the learning rate is lowered then, before stopping
    drop: float = 0.2  # what it is multiplied by
    batch: int = 64
    accumulate: int = 1  # parts in which a batch is computed; less memory, same step
    pool: int = 1  # batches among which rows are sorted by length
    full_softmax_up_to: int = 0  # items; above, negatives are drawn
    negatives: int = 512  # shared by a batch; 256 to 3,000 are usual
    negative_source: NegativeSource = "frequency"
    in_batch: float = 0.5  # share of ``mixed`` negatives that are targets of the batch
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    adam_beta2: float = 0.999  # share of the mean squared gradient kept per step
    min_baskets: int = 20  # rarer items are left to the other retrievers
    validation_sample: int = 10_000  # requests that early stopping looks at (plain sequences)
    start: Start = "random"  # where item vectors begin (plain sequences)
    titles_learning_rate: float = 5e-4  # in place of learning_rate where they begin from titles
    precision: Precision = "float32"
    compile: bool = False
    device: str = "cpu"
    seed: int = 0


@dataclass(frozen=True)
class SasrecSettings:
    """A whole knobs file: sizes, how to learn, and what a search may change."""

    network: SasrecConfig
    training: SasrecTraining
    search: Space = field(default_factory=dict)

    def knobs(self) -> dict[str, Knob]:
        """Every knob of both halves by name; no two share one."""
        return {**vars(self.network), **vars(self.training)}

    def changed(self, knobs: Mapping[str, Knob]) -> "SasrecSettings":
        """The same settings with some knobs set otherwise."""
        sizes = {name: value for name, value in knobs.items() if hasattr(self.network, name)}
        others = {name: value for name, value in knobs.items() if name not in sizes}
        network = replace(self.network, **sizes)  # type: ignore[arg-type]
        training = replace(self.training, **others)  # type: ignore[arg-type]
        _refuse_uneven_heads(network, "the knobs of a search")
        return replace(self, network=network, training=training)


def read_settings(path: Path = DEFAULT_FILE) -> SasrecSettings:
    """Read and check a file; a missing knob keeps its default."""
    found = read_parts(path, ("network", "training", "search"))
    network = SasrecConfig(**knobs_of(path, found, "network", SasrecConfig, _CHOICES))
    _refuse_uneven_heads(network, str(path))
    training = SasrecTraining(**knobs_of(path, found, "training", SasrecTraining, _CHOICES))
    space = ranges_of(path, found, "search", (SasrecConfig, SasrecTraining), _CHOICES)
    return SasrecSettings(network, training, space)


def _refuse_uneven_heads(network: SasrecConfig, where: str) -> None:
    if network.width % network.heads:
        raise InputError(
            f"network.heads is {network.heads}",
            where=where,
            why=f"it must divide the width, {network.width}",
        )
