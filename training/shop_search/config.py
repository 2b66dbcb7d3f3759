"""The knobs of a shop's search and how they are read from ``shop_search.yaml``."""

from dataclasses import dataclass
from pathlib import Path

from governance.errors import InputError
from training.settings_file import read_knobs

DEFAULT_FILE = Path(__file__).with_name("shop_search.yaml")


@dataclass(frozen=True)
class ShopSearchKnobs:
    """When a query is rescued, and how much the shopper counts beside the words."""

    enough: int = 1
    near_from: float = 0.5
    told_from: float = 0.5
    reach: int = 200
    personal_weight: float = 0.2


def read_shop_search_knobs(path: Path = DEFAULT_FILE) -> ShopSearchKnobs:
    """Read and check a file; a missing knob keeps its default."""
    knobs = ShopSearchKnobs(**read_knobs(path, ShopSearchKnobs))
    if not 0 <= knobs.personal_weight <= 1:
        raise InputError(
            f"personal_weight is {knobs.personal_weight}",
            where=str(path),
            why="relevance has the rest of 1",
            next_step="write a number from 0 to 1",
        )
    return knobs
