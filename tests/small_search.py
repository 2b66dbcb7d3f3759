"""A small shop's search with a real index and help, for tests; its encoder is tiny and untaught."""

from pathlib import Path

import torch
from tiny_encoder import tiny_checkpoint

from flows.shop_search import Source, learn_help, with_read_attributes
from training.encoder.checkpoint import load_encoder
from training.shop_search.shop_search_file import files_beside
from training.text_search.build import build
from training.text_search.catalogue import Catalogue, Product

BRANDS = ("Sony", "Bosch", "Acme", "Lenovo", "Canon")
KINDS = ("keyboard", "printer", "charger", "monitor", "backpack")
COLOURS = ("black", "white", "red")


def products() -> list[Product]:
    """75 products of five kinds, brands and three colours; prices from 5 to 79."""
    found = []
    for kind in KINDS:
        for brand in BRANDS:
            for colour in COLOURS:
                number = len(found)
                title = f"{brand} wireless {kind} {colour} {1 + number % 3} m"
                found.append(
                    Product(
                        f"i{number:02d}", title, category=f"Devices > {kind.title()}s",
                        brand=brand, price=5.0 + number, is_in_stock=number % 2 == 0,
                    )
                )  # fmt: skip
    return found


def build_small(folder: Path, *, items: list[Product] | None = None, encoder: str = "") -> str:
    """``folder/encoder`` and an index of it in ``folder/bundles/search``; the encoder's path."""
    torch.set_num_threads(1)  # tiny networks are slower with two on a busy machine
    words = sorted({w for p in products() for w in p.title.casefold().split()})
    checkpoint = encoder or str(tiny_checkpoint(folder / "encoder", words))
    catalogue = with_read_attributes(Catalogue.of(items or products()))
    popular = {"": ["i07", "i01"], "Printers": ["i16"]}
    source = Source(catalogue, popular=popular)
    query_help = learn_help(source, seed=1, language=())
    build(
        folder / "bundles" / "search", catalogue, load_encoder(checkpoint),
        beside=files_beside(query_help, popular), facts=source.facts(),
        progress=lambda _: None,
    )  # fmt: skip
    return checkpoint
