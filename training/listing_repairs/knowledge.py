"""What a catalogue teaches about writing a listing: its brands as written, its habits with units.

Pure. Learned beside ``listing_quality``'s catalogue, whose words it shares.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from training.listing_quality.evidence import Catalogue
from training.listing_quality.listing import Listing, text_of
from training.listing_quality.rules import MEASURE, NO_BRAND
from training.listing_quality.word_statistics import brand_words

SURE_BRAND = 0.98  # share of a brand's titles that name it before the others should


@dataclass(frozen=True)
class Habits:
    """How this catalogue writes: brands by their small letters, and which titles name them."""

    brands: dict[str, str]
    titled: dict[str, float]  # share of a brand's titles that name it, smoothed
    spaced_units: dict[str, float]  # share of a unit's numbers that stand apart from it
    is_loud: bool  # most titles are in capitals, so capitals are no defect


@dataclass(frozen=True)
class Knowledge:
    """Everything that repairs are made from."""

    catalogue: Catalogue
    habits: Habits

    def brand_pull(self, listing: Listing, brand: str) -> float:
        """How well a brand goes with the words of a listing; 0 where nothing is known."""
        pull = self.catalogue.brands.agreement([brand_words(listing)], [[brand.casefold()]])
        return float(pull[0, 0]) if pull[0, 0] == pull[0, 0] else 0.0


def learn_habits(listings: Sequence[Listing]) -> Habits:
    """Count how the listings write brands and units."""
    written: dict[str, Counter[str]] = {}
    named: Counter[str] = Counter()
    spaced: Counter[str] = Counter()
    units: Counter[str] = Counter()
    loud = 0
    for one in listings:
        title, brand = text_of(one.title), text_of(one.brand)
        loud += title.isupper()
        if brand.casefold() not in NO_BRAND:
            written.setdefault(brand.casefold(), Counter())[brand] += 1
            named[brand.casefold()] += brand.casefold() in title.casefold()
        for at in MEASURE.finditer(title):
            units[at[2].casefold()] += 1
            spaced[at[2].casefold()] += at[0][-len(at[2]) - 1] == " "
    return Habits(
        brands={small: max(sorted(how), key=lambda b: how[b]) for small, how in written.items()},
        titled={b: named[b] / (how.total() + 0.5) for b, how in written.items()},
        spaced_units={unit: spaced[unit] / count for unit, count in units.items()},
        is_loud=loud > len(listings) / 2,
    )
