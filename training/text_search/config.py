"""The knobs of an index and how they are read from ``text_search.yaml``."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from training.settings_file import Choices, read_knobs
from training.text_search.catalogue import Product, TextForm

DEFAULT_FILE = Path(__file__).parent / "text_search.yaml"
CHOICES: Choices = {"lexical_form": get_args(TextForm), "dense_form": get_args(TextForm)}


@dataclass(frozen=True)
class SearchKnobs:
    """What of a product is read, and how far each list reaches."""

    lexical_form: TextForm = "fields"
    dense_form: TextForm = "title_description"
    length: int = 64
    depth: int = 100
    exact_up_to: int = 170_000
    cross_depth: int = 50
    cross_weight: float = 0.5

    def reading(self, product: Product) -> tuple[str, str]:
        """All that a search by text knows of a product: what words and what vectors are made of."""
        return product.text(self.lexical_form), product.text(self.dense_form)

    def as_dict(self) -> dict[str, Any]:
        """As a card may have it."""
        return asdict(self)


def read_search_knobs(path: Path = DEFAULT_FILE) -> SearchKnobs:
    """Read and check a file; a missing knob keeps its default."""
    return SearchKnobs(**read_knobs(path, SearchKnobs, CHOICES))
