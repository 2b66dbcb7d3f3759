"""What a product must be to be found at all: exact, asked before anything is ranked.

Dimensions: N products. Texts are equal in one form (``readable``, case folded). A category matches
whole or by one of its levels. A fact that nobody told satisfies no filter. Pure.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from governance.errors import InputError
from training.encoder.readable import readable
from training.text_search.catalogue import LEVELS, Catalogue, Value

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Between:
    """Numbers from ``low`` to ``high``, both included."""

    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True)
class Filters:
    """All of them hold; of several categories or brands, one."""

    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price: Between | None = None
    is_in_stock: bool = False  # true: only what is known to be in stock
    attributes: Mapping[str, Value | Between] = field(default_factory=dict)


NO_FILTERS = Filters()


@dataclass(frozen=True)
class Facts:
    """The catalogue by fact, so that a filter is a look-up."""

    catalogue: Catalogue

    def allowed(self, filters: Filters) -> Bools:
        """(N,) what satisfies every filter; InputError for a fact that no product has."""
        found = np.ones(len(self.catalogue), dtype=np.bool_)
        if filters.categories:
            found &= self._one_of("category", filters.categories)
        if filters.brands:
            found &= self._one_of("brand", filters.brands)
        if filters.price is not None:
            self._refuse_untold("price", not np.isnan(self._prices).all())
            found &= (self._prices >= filters.price.low) & (self._prices <= filters.price.high)
        if filters.is_in_stock:
            stock = [product.is_in_stock for product in self.catalogue.products]
            self._refuse_untold("stock", any(told is not None for told in stock))
            found &= np.array([told is True for told in stock])
        for name, wanted in filters.attributes.items():
            found &= self._has(name, wanted)
        return found

    def _one_of(self, column: str, wanted: tuple[str, ...]) -> Bools:
        rows = self._categories if column == "category" else self._brands
        self._refuse_untold(column, bool(rows))
        found = np.zeros(len(self.catalogue), dtype=np.bool_)
        for text in wanted:
            found[rows.get(_plain(text), [])] = True
        return found

    def _has(self, name: str, wanted: Value | Between) -> Bools:
        self._refuse_untold(f"attribute {name}", _plain(name) in self._attributes)
        rows, values = self._attributes[_plain(name)]
        agrees = [row for row, value in zip(rows, values, strict=True) if _agree(value, wanted)]
        found = np.zeros(len(self.catalogue), dtype=np.bool_)
        found[agrees] = True
        return found

    def _refuse_untold(self, what: str, is_told: bool) -> None:  # noqa: FBT001 - reads as said
        if is_told:
            return
        names = ", ".join(sorted(self._attributes)[:12])
        raise InputError(
            f"no product tells its {what}",
            where="the filters of a search",
            why=f"attributes told are {names}" if what.startswith("attribute") else "",
            next_step="leave the filter out, or build the index with that column",
        )

    @cached_property
    def _prices(self) -> NDArray[np.float64]:
        told = [product.price for product in self.catalogue.products]
        return np.array([np.nan if price is None else price for price in told])

    @cached_property
    def _brands(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for row, product in enumerate(self.catalogue.products):
            if brand := _plain(product.brand):
                found[brand].append(row)
        return dict(found)

    @cached_property
    def _categories(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for row, product in enumerate(self.catalogue.products):
            names = {_plain(product.category), *map(_plain, product.category.split(LEVELS))}
            for name in sorted(names - {""}):
                found[name].append(row)
        return dict(found)

    @cached_property
    def _attributes(self) -> Mapping[str, tuple[list[int], list[Value]]]:
        found: dict[str, tuple[list[int], list[Value]]] = defaultdict(lambda: ([], []))
        for row, product in enumerate(self.catalogue.products):
            for name, value in product.attributes.items():
                rows, values = found[_plain(name)]
                rows.append(row)
                values.append(value)
        return dict(found)


def _agree(value: Value, wanted: Value | Between) -> bool:
    if isinstance(wanted, Between):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and wanted.low <= float(value) <= wanted.high
    if isinstance(wanted, str):
        return isinstance(value, str) and _plain(value) == _plain(wanted)
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def _plain(text: str) -> str:
    return readable(text).casefold()
