"""A small shop's search with a real index and help, for tests."""

from pathlib import Path

import torch
from tiny_encoder import tiny_checkpoint

from flows.search_source import Source
from flows.shop_search import learn_help, with_read_attributes
from training.encoder.checkpoint import load_encoder
from training.shop_search.shop_search_file import files_beside
from training.text_search.build import build
from training.text_search.catalogue import Catalogue, Product

BRANDS = ("Sony", "Bosch", "Acme", "Lenovo", "Canon")
KINDS = ("keyboard", "printer", "charger", "monitor", "backpack")
COLOURS = ("black", "white", "red")
POPULAR = {"": ["i07", "i01"], "Printers": ["i16"]}


def products() -> list[Product]:
    """75 products of five kinds, brands and three colours; prices from 5 to 79."""
    named = [(kind, brand, colour) for kind in KINDS for brand in BRANDS for colour in COLOURS]
    return [
        Product(
            f"i{number:02d}",
            f"{brand} wireless {kind} {colour} {1 + number % 3} m",
            category=f"Devices > {kind.title()}s",
            brand=brand,
            price=5.0 + number,
            is_in_stock=number % 2 == 0,
        )
        for number, (kind, brand, colour) in enumerate(named)
    ]


def untaught_encoder(folder: Path) -> str:
    """A tiny checkpoint that knows the words of :func:`products`."""
    torch.set_num_threads(1)  # tiny networks are slower with two on a busy machine
    words = sorted({word for one in products() for word in one.title.casefold().split()})
    return str(tiny_checkpoint(folder / "encoder", words))


def build_small(folder: Path, encoder: str, items: list[Product] | None = None) -> None:
    """An index of the products in ``folder/bundles/search``."""
    catalogue = Catalogue.of(items or products())
    save_small(folder, catalogue, source=Source(catalogue, popular=POPULAR), encoder=encoder)


def save_small(folder: Path, catalogue: Catalogue, *, source: Source, encoder: str) -> None:
    """An index of a catalogue with the searches and what sells of a source."""
    read = with_read_attributes(catalogue)
    part = Source(read, source.searches, source.popular, source.is_synthetic)
    build(
        folder / "bundles" / "search",
        read,
        load_encoder(encoder),
        beside=files_beside(learn_help(part, seed=1, language=()), part.popular or {}),
        facts=part.facts(),
        progress=lambda _: None,
    )
