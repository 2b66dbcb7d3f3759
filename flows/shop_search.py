"""``counterfoil train search``: the shop's index and query help, built or brought up to date.

Help is learned from titles, brands, categories and the shop's searches with what was clicked after
them. Index and help are sealed as one version; killed at any moment, the version before stays in
use and what was embedded is kept. With ``--learn`` clicks teach encoder, fusion and cross-encoder.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.ledger import exclusive
from flows.search_source import (
    SIZE,
    Source,
    read_click_log,
    read_file_source,
    read_shop_source,
)
from flows.stages import Progress
from governance.settings import Settings
from training.attributes.model import Extractor, extract
from training.attributes.rules_file import read_rules
from training.encoder.checkpoint import load_encoder
from training.query_help.model import QueryHelp
from training.query_help.train import CatalogueItem, language_words, learn_query_help
from training.shop_search.config import read_shop_search_knobs
from training.shop_search.shop_search_file import files_beside
from training.text_search.catalogue import LEVELS, Catalogue, Product, Value
from training.text_search.config import read_search_knobs
from training.text_search.index_file import CARD
from training.text_search.learn import ClickLog
from training.text_search.learned_build import Version, build_learned, refresh
from training.text_search.learned_file import LEARNED
from training.text_search.learning_config import LearningKnobs

INDEX = "search"  # its folder among the bundles


@dataclass(frozen=True)
class Built:
    """The version that is in use afterwards."""

    version: str
    folder: Path
    products: int
    synonyms: int
    completions: int
    facts: Mapping[str, dict[str, Any]]  # of the card: "help", and "learned" where something was

    def lines(self) -> list[str]:
        """In words, for a person."""
        return [
            f"products     {self.products:,}",
            f"synonyms     {self.synonyms:,}",
            f"completions  {self.completions:,}",
            f"help         {self.facts['help']['told']}",
            *_learned_lines(self.facts.get(LEARNED)),
            f"index        {self.folder}",
        ]


def build_shop_search(
    settings: Settings,
    *,
    data: Path | None,
    config: Path | None,
    learning: LearningKnobs | None = None,
    progress: Progress,
) -> Built:
    """Read, learn, embed what is new, seal; with ``learning`` also from clicks."""
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
        version = Version(
            knobs=read_search_knobs(config) if config else read_search_knobs(),
            texts=files_beside(query_help, source.popular or {}),
            facts=source.facts(),
        )
        if learning is None:
            index = refresh(index_dir, source.catalogue, encoder, version, progress=progress)
        else:
            index = build_learned(
                index_dir,
                source.catalogue,
                encoder,
                ClickLog() if data else read_click_log(settings.warehouse_path),
                version,
                learning=learning.seeded(settings.seed),
                depth=read_shop_search_knobs().reach,
                state_dir=settings.searches_dir / INDEX / "learning",
                progress=progress,
            )
    folder = index_dir / index.version
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))  # verified by the build
    return Built(
        version=index.version,
        folder=folder,
        products=len(index.catalogue),
        synonyms=len(query_help.synonyms.pairs),
        completions=len(query_help.completions.phrases),
        facts={name: card[name] for name in ("help", LEARNED) if name in card},
    )


def learn_help(source: Source, *, seed: int, language: Iterable[str]) -> QueryHelp:
    """Spelling, synonyms, names of filters and completions of a catalogue and its searches."""
    items = [
        CatalogueItem(
            product.item_id,
            _text_with_size(product),
            product.brand,
            product.category.split(LEVELS)[-1],
            {k: v for k, v in product.attributes.items() if isinstance(v, str) and k != SIZE},
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


def _learned_lines(facts: Mapping[str, Any] | None) -> list[str]:
    """What each part reached on later searches, without it and with it."""
    if facts is None:
        return []
    lines = [f"learned      {facts['told']}: {facts['taught_clicks']:,} of {facts['clicks']:,} "
             f"clicks; {facts['judged_searches']} later searches judge"]  # fmt: skip
    for one in facts["parts"]:
        before, after = one["before"]["ndcg_at_10"], one["after"]["ndcg_at_10"]
        recalls = f"{one['before']['recall_at_10']:.3f} -> {one['after']['recall_at_10']:.3f}"
        said = "kept" if one["is_kept"] else "not kept"
        lines.append(f"             {one['part']} {said}: NDCG@10 {before:.3f} -> {after:.3f}, "
                     f"recall@10 {recalls}")  # fmt: skip
    return lines


def _text_with_size(product: Product) -> str:
    return f"{product.title} {product.attributes.get(SIZE, '')}".strip()
