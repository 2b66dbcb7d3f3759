"""The knobs of a shop's search and how they are read from ``shop_search.yaml``."""

from dataclasses import dataclass
from pathlib import Path

from governance.errors import InputError
from training.settings_file import read_knobs

DEFAULT_FILE = Path(__file__).with_name("shop_search.yaml")
QUERY_BITS = (32, 8)  # of the weights that a query's vector is computed by


@dataclass(frozen=True)
class ShopSearchKnobs:
    """When a query is rescued, and how much the shopper counts beside the words."""

    enough: int = 1
    near_from: float = 0.5
    told_from: float = 0.5
    reach: int = 200
    personal_weight: float = 0.2
    query_bits: int = 32


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
    if knobs.query_bits not in QUERY_BITS:
        raise InputError(
            f"query_bits is {knobs.query_bits}",
            where=str(path),
            why="there is an encoder of 32 and one of 8 bits",
            next_step="write 32, or 8",
        )
    return knobs
