"""Duplicates among products of which nothing was learned.

Products are groups of listings that known duplicates join. A third of the groups is unseen: a pair
is judged where both its sides are unseen, and teaches where neither is. Duplicates are all kept
and other pairs only where both sides fall alike, so duplicates are more frequent here than in the
whole: figures are to be compared with the floors beside them, not with those of the whole.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from language_intervals import f1_figures

from training.duplicates.config import Matching
from training.duplicates.listing import Listing
from training.duplicates.pairs import Pairs
from training.duplicates.train import fit_matcher
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning

_UNSEEN = 1 / 3


def unseen_figures(
    parts: Sequence[Pairs],
    encoder: Encoder | None,
    matching: Matching,
    reading: FineTuning,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """F1 with interval on unseen products, of the matcher and of its words alone."""
    taught, judged = split_by_product(parts, seed=matching.seed)
    say(f"unseen products: {len(taught)} pairs teach, {len(judged)} are judged")
    figures: dict[str, Any] = {"pairs_taught": len(taught), "pairs_judged": len(judged)}
    figures["share_of_duplicates"] = float(judged.labels.mean())
    found = {}
    for name, network in (("words", None), ("matcher", encoder)):
        matcher = fit_matcher(
            taught, network, matching=matching, reading=reading, progress=say
        ).matcher
        found[name] = f1_figures(matcher.probabilities(judged) >= matcher.threshold, judged.labels)
        if encoder is None:
            return figures | found["words"] | {"is_words_alone": True}
    return figures | found["matcher"] | {"floors": {"words_f1": found["words"]["f1"]}}


def split_by_product(parts: Sequence[Pairs], *, seed: int) -> tuple[Pairs, Pairs]:
    """Pairs of seen products only, and pairs of unseen products only; each pair once."""
    pairs = _joined(parts)
    group = _groups(pairs)
    names = sorted(set(group.values()))
    draw = np.random.default_rng(seed).random(len(names)) < _UNSEEN
    unseen = {name for name, is_out in zip(names, draw, strict=True) if is_out}
    sides = [
        (group[a.text] in unseen) + (group[b.text] in unseen)
        for a, b in zip(pairs.first, pairs.second, strict=True)
    ]
    out = np.array(sides)
    return pairs.take(np.flatnonzero(out == 0)), pairs.take(np.flatnonzero(out == 2))


def _joined(parts: Sequence[Pairs]) -> Pairs:
    """Every pair of the parts, once."""
    kept: dict[frozenset[str], tuple[Listing, Listing, int]] = {}
    for part in parts:
        for a, b, label in zip(part.first, part.second, part.labels, strict=True):
            kept.setdefault(frozenset((a.text, b.text)), (a, b, int(label)))
    first, second, labels = zip(*kept.values(), strict=True)
    return Pairs(first, second, np.array(labels, dtype=np.int64))


def _groups(pairs: Pairs) -> dict[str, str]:
    """Of each text its product: the least text that duplicates lead to."""
    leader: dict[str, str] = {}

    def find(text: str) -> str:
        leader.setdefault(text, text)
        while leader[text] != text:
            leader[text] = text = leader[leader[text]]
        return text

    for a, b, label in zip(pairs.first, pairs.second, pairs.labels, strict=True):
        one, two = sorted((find(a.text), find(b.text)))
        if label:
            leader[two] = one
    return {text: find(text) for text in list(leader)}
