"""Evidence about listings as numbers: strings, the catalogue's words, agreement, an encoder's view.

Dimensions: N listings, F features. ``learn_catalogue`` must see other listings than those that a
model is taught or judged with, else every word would be known. Pure.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.listing_quality.listing import Listing, text_of
from training.listing_quality.rules import MEASURE, NO_BRAND, Known, signs_of, size_of
from training.listing_quality.text_evidence import text_evidence
from training.listing_quality.word_statistics import (
    Association,
    Letters,
    brand_words,
    learn_association,
    learn_letters,
    learn_vocabulary,
    title_words,
)  # fmt: skip

Numbers = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Numbers]  # texts in, unit vectors out

_LOOKED_AT = 2_000  # listings in which a catalogue's habits show well enough
_USUAL_FROM = 0.3  # share of listings with a defect from which it is a habit


@dataclass(frozen=True)
class Catalogue:
    """What is known of a catalogue: words, letters, brands, units, and what goes together."""

    known: Known
    letters: Letters
    brands: Association  # title words with brands
    kinds: Association  # title words with parts of the category or names of attributes
    units: Association  # title words with units and the sizes they come in


@dataclass(frozen=True)
class Evidence:
    """``values`` (N, F) by ``names`` (F); NaN where a feature does not apply."""

    names: tuple[str, ...]
    values: Numbers


def learn_catalogue(listings: Sequence[Listing]) -> Catalogue:
    """Count words, brands, units and meetings in the given listings."""
    titles = [title_words(one) for one in listings]
    brands = [text_of(one.brand).casefold() for one in listings]
    sizes = [_unit_sizes(one) for one in listings]
    vocabulary = learn_vocabulary(
        text_of(text) for one in listings for text in (one.title, one.description) if text
    )
    is_titled = [
        brand in text_of(one.title).casefold() for brand, one in zip(brands, listings, strict=True)
    ]
    known = Known(
        vocabulary,
        {name: n for name, n in sorted(Counter(brands).items()) if name not in NO_BRAND},
        has_titled_brands=bool(np.mean(is_titled) > 0.5) if is_titled else False,
        units=dict(Counter(unit for row in sizes for unit in {size.split()[0] for size in row})),
    )
    known = replace(known, usual=_usual(listings, known))
    return Catalogue(
        known,
        learn_letters(vocabulary),
        learn_association([brand_words(one) for one in listings], [[brand] for brand in brands]),
        learn_association(titles, [one.kinds for one in listings]),
        learn_association(titles, sizes),
    )


def evidence(
    listings: Sequence[Listing], catalogue: Catalogue, embed: Embed | None = None
) -> Evidence:
    """Every feature of every listing; without an encoder, its features are NaN."""
    rows = [text_evidence(one, catalogue.known, catalogue.letters) for one in listings]
    names = tuple(rows[0]) if rows else ()
    columns = {name: np.array([row[name] for row in rows], dtype=np.float32) for name in names}
    columns["kinds"] = np.array([len(one.kinds) for one in listings], dtype=np.float32)
    columns |= _agreement(listings, catalogue) | _encoded(listings, embed)
    return Evidence(tuple(columns), np.column_stack(list(columns.values())))


def _usual(listings: Sequence[Listing], known: Known) -> frozenset[str]:
    """Defects that so many listings show that they tell nothing of one of them."""
    looked = listings[:: max(len(listings) // _LOOKED_AT, 1)]
    shown = Counter(defect for one in looked for defect in signs_of(one, known))
    return frozenset(defect for defect, n in shown.items() if n > _USUAL_FROM * len(looked))


def _agreement(listings: Sequence[Listing], catalogue: Catalogue) -> dict[str, Numbers]:
    """How well brand, kinds and units go with the words of the title."""
    titles = [title_words(one) for one in listings]
    brands = [[text_of(one.brand).casefold()] for one in listings]
    described = [title_words(Listing(one.item_id, one.description)) for one in listings]
    kinds = [one.kinds for one in listings]
    branded = [brand_words(one) for one in listings]
    brand = catalogue.brands.agreement(branded, brands)[:, 0]
    kind = catalogue.kinds.agreement(titles, kinds)
    kind_told = catalogue.kinds.agreement(described, kinds)
    sizes = [_unit_sizes(one) for one in listings]
    unit = catalogue.units.agreement(titles, sizes)
    unknown = [sum(size not in catalogue.units.right for size in row) for row in sizes]
    return {
        "brand_pull": brand,
        "brand_gap": _largest(catalogue.brands, branded) - np.nan_to_num(brand),
        "kind_pull": kind[:, 0],
        "kind_least": kind[:, 1],
        "kind_pull_description": kind_told[:, 0],
        "kind_gap": _largest(catalogue.kinds, titles) - np.nan_to_num(kind[:, 0]),
        "unit_pull": unit[:, 0],
        "unit_least": unit[:, 1],
        "units_unknown": np.array(unknown, dtype=np.float32),
    }


def _largest(association: Association, lefts: Sequence[Sequence[str]]) -> Numbers:
    """(N,) the strongest pull that a title's words have at all."""
    if not association.right:  # a shop without categories, or where no brand stands twice
        return np.zeros(len(lefts), dtype=np.float32)
    strongest = association.pull(lefts).max(axis=1)
    return np.asarray(strongest.todense(), dtype=np.float32).ravel()


def _encoded(listings: Sequence[Listing], embed: Embed | None) -> dict[str, Numbers]:
    """Cosines of title, description and category as an encoder reads them; equal texts once."""
    fields = {
        "title": [text_of(one.title) for one in listings],
        "description": [text_of(one.description) for one in listings],
        "kinds": [", ".join(one.kinds[:12]) for one in listings],
    }
    pairs = (("title", "description"), ("title", "kinds"), ("description", "kinds"))
    if embed is None or not listings:
        nothing = np.full(len(listings), np.nan, dtype=np.float32)
        return {f"{one}_{other}_cosine": nothing for one, other in pairs}
    distinct = sorted({text for texts in fields.values() for text in texts})
    place = {text: at for at, text in enumerate(distinct)}
    vectors = embed(distinct)
    rows = {name: vectors[[place[text] for text in texts]] for name, texts in fields.items()}
    return {f"{one}_{other}_cosine": (rows[one] * rows[other]).sum(1) for one, other in pairs}


def _unit_sizes(one: Listing) -> list[str]:
    """``gb`` and ``gb 3`` for 512 GB: each unit of the title, and with its number's digits."""
    found = [(at[2].casefold(), size_of(at[1])) for at in MEASURE.finditer(text_of(one.title))]
    return [text for unit, size in found for text in (unit, f"{unit} {len(str(int(size)))}")]
