"""``counterfoil train search``: the shop's index and query help, built or brought up to date.

The catalogue is the warehouse's items, or a file's. Help is learned from titles, brands, categories
and the shop's searches with what was clicked after them. Index and help are sealed as one version;
killed at any moment, the version before stays in use and what was embedded is kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv

from flows.ledger import exclusive
from flows.search_tables import ITEMS_SQL, POPULAR_SQL, SEARCHES_SQL
from flows.stages import Progress
from governance.errors import InputError
from governance.settings import Settings
from training.attributes.model import Extractor, extract
from training.attributes.rules_file import read_rules
from training.encoder.checkpoint import load_encoder
from training.query_help.model import QueryHelp
from training.query_help.train import CatalogueItem, SearchRow, language_words, learn_query_help
from training.shop_search.shop_search_file import files_beside
from training.text_search.build import build
from training.text_search.catalogue import LEVELS, Catalogue, Product, Value
from training.text_search.catalogue_file import catalogue_of, read_catalogue
from training.text_search.config import read_search_knobs

INDEX = "search"  # its folder among the bundles
_SIZE = "package_size"  # stands beside the title in some shops
MOST_POPULAR = 50  # items of a category that are kept for a query that finds nothing


@dataclass(frozen=True)
class Source:
    """What an index is built from; ``is_synthetic`` where searches were simulated."""

    catalogue: Catalogue
    searches: tuple[SearchRow, ...] = ()
    popular: Mapping[str, list[str]] | None = None
    is_synthetic: bool = False

    def facts(self) -> dict[str, object]:
        """For the card: what synonyms and completions come of."""
        came_of = "simulated sessions" if self.is_synthetic else "the shop's sessions"
        told = f"synonyms and completions come of {came_of}" if self.searches else (
            "no sessions: completions come of titles, there are no synonyms"
        )  # fmt: skip
        return {
            "help": {
                "searches": len(self.searches),
                "sessions": len({row.session_id for row in self.searches}),
                "is_synthetic": self.is_synthetic,
                "told": told,
            }
        }


@dataclass(frozen=True)
class Built:
    """The version that is in use afterwards."""

    version: str
    folder: Path
    products: int
    synonyms: int
    completions: int
    facts: Mapping[str, object]


def build_shop_search(
    settings: Settings, *, data: Path | None, config: Path | None, progress: Progress
) -> Built:
    """Read, learn, embed what is new, seal."""
    import torch

    torch.set_num_threads(settings.threads)
    index_dir = settings.bundles_dir / INDEX
    with exclusive(settings.searches_dir / INDEX):
        source = read_file_source(data) if data else read_shop_source(settings.warehouse_path)
        progress(f"{len(source.catalogue):,} products, {len(source.searches):,} searches")
        source = replace(source, catalogue=with_read_attributes(source.catalogue))
        encoder = load_encoder(settings.encoder)
        language = language_words(encoder.tokenizer.get_vocab())
        query_help = learn_help(source, seed=settings.seed, language=language)
        progress(f"query help: {len(query_help.synonyms.pairs)} synonyms, "
                 f"{len(query_help.completions.phrases):,} completions")  # fmt: skip
        index = build(
            index_dir,
            source.catalogue,
            encoder,
            knobs=read_search_knobs(config) if config else read_search_knobs(),
            beside=files_beside(query_help, source.popular or {}),
            facts=source.facts(),
            progress=progress,
        )
    return Built(
        version=index.version,
        folder=index_dir / index.version,
        products=len(index.catalogue),
        synonyms=len(query_help.synonyms.pairs),
        completions=len(query_help.completions.phrases),
        facts=source.facts(),
    )


def learn_help(source: Source, *, seed: int, language: Iterable[str]) -> QueryHelp:
    """Spelling, synonyms, names of filters and completions of a catalogue and its searches."""
    items = [
        CatalogueItem(
            product.item_id,
            _text_with_size(product),
            product.brand,
            product.category.split(LEVELS)[-1],
            {k: v for k, v in product.attributes.items() if isinstance(v, str) and k != _SIZE},
        )
        for product in source.catalogue.products
    ]
    return learn_query_help(
        items, source.searches, rules=read_rules(), seed=seed, language=frozenset(language)
    )


def with_read_attributes(catalogue: Catalogue) -> Catalogue:
    """Products with what their titles state (sizes, colours) beside their told attributes."""
    reader, known = Extractor(read_rules()), {}
    products = []
    for product in catalogue.products:
        text = _text_with_size(product)
        if text not in known:
            known[text] = {one.name: one.value for one in extract(text, reader)}
        stated: dict[str, Value] = known[text]
        products.append(replace(product, attributes={**stated, **product.attributes}))
    return Catalogue(tuple(products))


def read_shop_source(warehouse_path: Path) -> Source:
    """Items, searches with their clicks, and what sells, from the warehouse."""
    if not warehouse_path.is_file():
        raise InputError(
            "there is no warehouse to read items from",
            where=str(warehouse_path),
            why="the shop has not been built",
            next_step="counterfoil build, or give --data a catalogue",
        )
    with duckdb.connect(str(warehouse_path), read_only=True) as warehouse:
        items = warehouse.sql(ITEMS_SQL).to_arrow_table().to_pylist()
        searches = warehouse.sql(SEARCHES_SQL).to_arrow_table().to_pylist()
        sold = warehouse.sql(POPULAR_SQL.format(most=MOST_POPULAR)).fetchall()
    rows = [{**row, "attributes": {_SIZE: row["package_size"]}} for row in items]
    return Source(
        catalogue_of(rows, where=str(warehouse_path)),
        tuple(_search(row) for row in searches),
        _popular(sold),
        is_synthetic=any(row["is_synthetic"] for row in searches),
    )


def read_file_source(path: Path) -> Source:
    """A catalogue of a Parquet or CSV file; without sessions."""
    if path.suffix.lower() != ".csv":
        return Source(read_catalogue(path))
    try:
        table = pa_csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            "the catalogue cannot be read", where=str(path), why=str(error).splitlines()[0]
        ) from None
    rows = table.to_pylist()
    return Source(catalogue_of(rows, columns=table.column_names, where=str(path)))


def _text_with_size(product: Product) -> str:
    return f"{product.title} {product.attributes.get(_SIZE, '')}".strip()


def _search(row: Mapping[str, Any]) -> SearchRow:
    at: datetime = row["searched_at"]
    return SearchRow(
        session_id=row["session_id"],
        at=at.replace(tzinfo=UTC),
        query=row["query"],
        clicked=tuple(row["clicked"] or ()),
        user_id=row["user_id"] or "",
    )


def _popular(sold: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for category, item_id in sold:
        found.setdefault(category, []).append(item_id)
    return found
