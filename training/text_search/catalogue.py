"""A catalogue as search reads it: products with their texts and facts, checked once.

Dimensions: N products. Pure; ``catalogue_file.py`` reads files.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from governance.errors import InputError

Value = str | float | bool
TextForm = Literal["title", "title_description", "fields", "everything"]
TEXT_FORMS: Mapping[TextForm, tuple[str, ...]] = {  # the fields that make a product's text
    "title": ("title",),
    "title_description": ("title", "description"),
    "fields": ("title", "description", "brand", "category"),
    "everything": ("title", "description", "brand", "category", "attributes"),
}
LEVELS = " > "  # between the levels of a category


@dataclass(frozen=True)
class Product:
    """One listing; a fact that nobody told is None or missing, never a guess."""

    item_id: str
    title: str
    description: str = ""
    category: str = ""  # one level, or several with " > " between them
    brand: str = ""
    price: float | None = None
    is_in_stock: bool | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)

    def text(self, form: TextForm) -> str:
        """The fields of a form that are there, each a sentence."""
        return ". ".join(part for name in TEXT_FORMS[form] if (part := self._part(name).strip()))

    def _part(self, name: str) -> str:
        if name != "attributes":
            return str(getattr(self, name))
        return ". ".join(value for value in self.attributes.values() if isinstance(value, str))


@dataclass(frozen=True)
class Catalogue:
    """N products, each with an id of its own."""

    products: tuple[Product, ...]

    @classmethod
    def of(cls, products: Iterable[Product]) -> "Catalogue":
        """Refused where it is empty, or where an id is missing or there twice."""
        found = tuple(products)
        if not found:
            raise _refusal("the catalogue is empty", "at least one product is needed")
        counts = Counter(product.item_id for product in found)
        if "" in counts:
            row = next(row for row, product in enumerate(found) if not product.item_id)
            raise _refusal("a product has no id", f"row {row}: {found[row].title[:60]!r}")
        if len(counts) < len(found):
            item_id, count = counts.most_common(1)[0]
            raise _refusal(f"the id {item_id} is there {count} times", "each id is one product")
        return cls(found)

    def __len__(self) -> int:
        return len(self.products)

    def texts(self, form: TextForm) -> list[str]:
        """(N,) what is read of each product."""
        return [product.text(form) for product in self.products]

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Each item's row."""
        return {product.item_id: row for row, product in enumerate(self.products)}


def _refusal(what: str, why: str) -> InputError:
    return InputError(what, where="the catalogue", why=why, next_step="mend it, and build again")
