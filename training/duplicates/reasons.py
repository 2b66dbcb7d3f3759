"""What speaks for and against two listings being of one product, in words for a person.

Dimensions: none. Pure. Every reason names what it saw, so that it can be checked by eye. Reasons
explain the evidence; they do not decide, the forest and the network do.
"""

from math import exp, log

from rapidfuzz import fuzz

from training.duplicates.listing import Listing

Reasons = tuple[tuple[str, ...], tuple[str, ...]]  # for, against
_ALIKE, _UNLIKE = 85, 50  # token-set ratios above and below which a title is worth a reason
_SAME_PRICE, _OTHER_PRICE = log(1.1), log(1.5)
_MOST_NAMED = 3  # codes, numbers or words that one reason lists
_MOST_COMPARED = 400  # characters: the time of a comparison grows with the square


def reasons(a: Listing, b: Listing) -> Reasons:
    """The same for (b, a), but for the order in which the two sides are named."""
    told: tuple[list[str], list[str]] = ([], [])
    for name, one, two in (("model number", a.codes, b.codes), ("number", a.numbers, b.numbers)):
        if one & two:
            told[0].append(f"shared {name} {_named(one & two)}")
        elif one and two:
            told[1].append(f"conflicting {name}: {_named(one)} and {_named(two)}")
    alike = fuzz.token_set_ratio(*sorted((a.title[:_MOST_COMPARED], b.title[:_MOST_COMPARED])))
    if alike >= _ALIKE or alike < _UNLIKE:
        told[alike < _UNLIKE].append(f"titles share {alike:.0f} % of their words")
    own = [_own_words(one, two) for one, two in ((a, b), (b, a))]
    if alike >= _ALIKE and all(own):
        told[1].append(f"titles differ in {_named(own[0])} and {_named(own[1])}")
    if a.price and b.price:
        gap = abs(log(a.price / b.price))
        if gap <= _SAME_PRICE:
            told[0].append("prices within 10 %")
        elif gap > _OTHER_PRICE:
            told[1].append(f"prices differ {exp(gap):.1f}-fold")
    return tuple(told[0]), tuple(told[1])


def _own_words(one: Listing, two: Listing) -> frozenset[str]:
    """Words of one title that the other listing has nowhere; numbers have reasons of their own."""
    return frozenset(w for w in one.title_words if w.isalpha()) - frozenset(two.words)


def _named(found: frozenset[str]) -> str:
    return ", ".join(word[:40] for word in sorted(found)[:_MOST_NAMED])
