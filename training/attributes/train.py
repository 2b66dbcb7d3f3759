"""Learn to read a catalogue's titles: its brands, how sure each rule is, and where a tagger helps.

    learned = learn(products, encoder=load_encoder(), knobs=read_tagger_knobs(), progress=print)

Rules and tagger are judged on a validation part of the catalogue given, half of whose suppliers
were never taught, since new brands come; an attribute is left to the tagger only where it is surely
better over draws of suppliers. Same seed, same bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.attributes.brands import Brands, first_word_share, guess_brands, learn_brands
from training.attributes.judge import Marks, is_surely_better, judge, precision_by_way
from training.attributes.model import Attribute, Extractor, Rules, extract
from training.attributes.structured import Product
from training.attributes.tagger import HEAD, NAMES, lesson_of, tag
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.model import TunedModel
from training.fine_tuning.train import fine_tune
from training.settings_file import read_knobs

KNOBS = Path(__file__).with_name("attributes.yaml")
VALIDATION = 0.2  # of the products: as many again of whole suppliers
FIRST_WORD_FROM = 0.6  # share of unknown brands that are a first word, for the rule to be used
TAUGHT = 6_000  # titles that teach the tagger: four minutes on two cores


@dataclass(frozen=True)
class Reader:
    """The rules, the tagger, and the attributes that the tagger reads better."""

    extractor: Extractor
    tagger: TunedModel | None = None
    tagged: frozenset[str] = frozenset()

    def read(self, titles: Sequence[str]) -> list[tuple[Attribute, ...]]:
        """What each title states."""
        ruled = [extract(title, self.extractor) for title in titles]
        if self.tagger is None or not self.tagged:
            return ruled
        marked = tag(self.tagger, titles, self.extractor.rules)
        return [_merged(*pair, self.tagged) for pair in zip(ruled, marked, strict=True)]


@dataclass(frozen=True)
class Learned:
    """A reader and what the validation products said of rules and tagger."""

    reader: Reader
    tagger: TunedModel | None  # even where the rules were better
    rules_marks: dict[str, Marks]
    tagger_marks: dict[str, Marks]


def read_tagger_knobs(path: Path = KNOBS) -> FineTuning:
    """The tagger's knobs; the file's first lines say what they cost."""
    return FineTuning(**read_knobs(path, FineTuning))


def learn(
    products: Sequence[Product],
    rules: Rules,
    *,
    encoder: Encoder | None = None,
    knobs: FineTuning | None = None,
    unlabelled: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Learned:
    """Without an encoder: rules alone. ``unlabelled`` titles teach brands that have no name yet."""
    knobs = knobs or read_tagger_knobs()
    taught, validation = _split(products, knobs.seed)
    judging = _extractor(taught, validation, rules)
    read = [extract(product.title, judging) for product in validation]
    rules_marks = judge(validation, read)
    precision = precision_by_way(validation, read)
    brands = replace(
        _brands(products),
        is_first_word=judging.brands.is_first_word,
        guessed=guess_brands(unlabelled),
    )
    extractor = Extractor(rules, brands, precision)
    if encoder is None:
        return Learned(Reader(extractor), None, rules_marks, {})
    progress(f"attributes: a tagger learns from {min(len(taught), TAUGHT)} titles")
    lessons = lesson_of(taught[:TAUGHT], rules), lesson_of(validation[:1_000], rules)
    tagger = fine_tune(encoder, HEAD, *lessons, knobs, progress=progress).model
    marked = tag(tagger, [product.title for product in validation], rules)
    better = {
        name for name in NAMES if is_surely_better(name, validation, marked, read, seed=knobs.seed)
    }
    reader = Reader(extractor, tagger, frozenset(better))
    return Learned(reader, tagger, rules_marks, judge(validation, marked))


def _extractor(taught: list[Product], validation: list[Product], rules: Rules) -> Extractor:
    """The rules with the taught brands; unknown brands say whether a first word is a brand."""
    brands = _brands(taught)
    known = set(brands.names.values())
    unknown = [product for product in validation if product.supplier not in known]
    share = first_word_share(
        [product.title for product in unknown], [product.supplier for product in unknown]
    )
    guessed = guess_brands([product.title for product in unknown])
    is_first_word = share >= FIRST_WORD_FROM
    return Extractor(rules, replace(brands, is_first_word=is_first_word, guessed=guessed))


def _brands(products: Sequence[Product]) -> Brands:
    return learn_brands(
        [product.title for product in products], [product.supplier for product in products]
    )


def _split(products: Sequence[Product], seed: int) -> tuple[list[Product], list[Product]]:
    """Taught and validation products, both shuffled; suppliers drawn for validation are whole."""
    draw = np.random.default_rng(seed)
    suppliers = sorted({product.supplier for product in products})
    withheld = set(draw.permutation(suppliers)[: int(len(suppliers) * VALIDATION)].tolist())
    taught: list[Product] = []
    validation: list[Product] = []
    for place in draw.permutation(len(products)):
        product = products[place]
        is_validation = product.supplier in withheld or draw.random() < VALIDATION
        (validation if is_validation else taught).append(product)
    return taught, validation


def _merged(
    ruled: tuple[Attribute, ...], marked: tuple[Attribute, ...], tagged: frozenset[str]
) -> tuple[Attribute, ...]:
    kept = [one for one in ruled if one.name not in tagged]
    kept += [one for one in marked if one.name in tagged]
    return tuple(sorted(kept, key=lambda one: (one.start, one.end, one.name)))
