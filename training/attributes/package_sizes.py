"""What a shop's package sizes say: what is known of its items, and how right its titles are read.

    told = told_by(sizes, rules)
    extractor = extractor_of_shop(titles, told, rules)

A package size is read by the same rules as a title. Where both state an attribute, the size judges
the title's reading, and so the shop's own share of right readings takes the place of the prior.
What no package size can judge is trusted as far as what they could judge was right: a prior comes
from other shops' titles, and where this shop's are read worse, it says too much. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from training.attributes.judge import rights_by_way
from training.attributes.model import Attribute, Extractor, Rules, Value, extract, values_of
from training.attributes.structured import Product

WEIGHT = 20  # readings that the shop must have judged to count as much as a prior
Told = Mapping[str, frozenset[Value]]  # by attribute, the values that are right


def told_by(sizes: Sequence[str], rules: Rules) -> list[Told]:
    """What each package size states, by attribute."""
    read = _read(sizes, Extractor(rules))
    return [{name: values_of(one, name) for name in {a.name for a in one}} for one in read]


def extractor_of_shop(titles: Sequence[str], told: Sequence[Told], rules: Rules) -> Extractor:
    """The rules with the precision of each way that the shop's titles are read in."""
    blind = Extractor(rules)
    read = _read(titles, blind)
    pairs = zip(titles, told, strict=True)
    products = [Product(title, supplier="", truth=truth, stated={}) for title, truth in pairs]
    rights = rights_by_way(products, read)
    ways = {(one.name, one.way) for attributes in read for one in attributes}
    prior = {f"{name}/{way}": blind.prior(name, way) for name, way in sorted(ways)}
    expected = sum(judged * prior[way] for way, (_, judged) in rights.items())
    trust = min(1.0, (sum(right for right, _ in rights.values()) + WEIGHT) / (expected + WEIGHT))
    precision = {}
    for way, before in prior.items():
        right, judged = rights.get(way, (0, 0))
        trusted = trust * before
        precision[way] = trusted + (right - judged * trusted) / (judged + WEIGHT)
    return replace(blind, precision=precision)


def _read(texts: Sequence[str], extractor: Extractor) -> list[tuple[Attribute, ...]]:
    """Each text once: a shop writes the same sizes and titles many times."""
    found = {text: extract(text, extractor) for text in set(texts)}
    return [found[text] for text in texts]
