"""What every step of one chunk of the simulation needs: the past, the catalogue, the dice."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from training.simulator.config import SimulatorConfig
from training.simulator.history import History


@dataclass(frozen=True)
class World:
    """``items`` is in the order of the history's codes; ``rng`` is this chunk's own stream."""

    history: History
    items: pa.Table
    config: SimulatorConfig
    rng: np.random.Generator
