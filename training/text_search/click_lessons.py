"""Clicks after searches, dealt into what teaches, what fits and what judges.

Earlier clicks teach. Later ones, of queries that were not asked before, are dealt by query to a
half that fits the fusion and chooses epochs, and one that judges. Every click counts by how seldom
anybody looks where it was. Products that read alike are one: no search by text can tell them apart,
so that all of them are worth what one of them was clicked. Pure; the same seed deals the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.text_search.catalogue import Catalogue
from training.text_search.clicks import Click, Pairs, click_weights, split_by_time
from training.text_search.config import SearchKnobs
from training.text_search.judged import Judged
from training.text_search.learning_config import ClickKnobs
from training.text_search.words import words_of


@dataclass(frozen=True)
class ClickLessons:
    """What each part of an index learns from and is judged by."""

    taught: Pairs  # the encoder
    taught_queries: tuple[Judged, ...]  # the cross-encoder
    fitted: tuple[Judged, ...]
    fitted_pairs: Pairs  # of the same queries
    judged: tuple[Judged, ...]


@dataclass(frozen=True)
class Weighing:
    """A catalogue, and how its clicks are weighed."""

    catalogue: Catalogue
    forms: SearchKnobs
    propensities: tuple[float, ...]
    most_weight: float

    def pairs(self, clicks: Sequence[Click]) -> Pairs:
        """Each click as a pair; products of one text are one, and no rivals of one another."""
        rows = [self.catalogue.row_of[click.item_id] for click in clicks]
        texts = tuple(self.catalogue.products[row].text(self.forms.dense_form) for row in rows)
        weights = click_weights(clicks, self.propensities, most=self.most_weight)
        return Pairs(tuple(click.query for click in clicks), texts, texts, weights)

    def judged(self, clicks: Sequence[Click]) -> list[Judged]:
        """A query each, most clicked first: what it is worth to find each product."""
        rows, products = self.catalogue.row_of, self.catalogue.products
        worth: dict[str, dict[tuple[str, str], float]] = defaultdict(lambda: defaultdict(float))
        weights = click_weights(clicks, self.propensities, most=self.most_weight)
        for click, weight in zip(clicks, weights.tolist(), strict=True):
            worth[click.query][self.forms.reading(products[rows[click.item_id]])] += weight
        order = sorted(worth, key=lambda query: (-sum(worth[query].values()), query))
        return [
            Judged(
                query,
                {one: gain for text, gain in worth[query].items() for one in self._alike[text]},
            )
            for query in order
        ]

    @cached_property
    def _alike(self) -> dict[tuple[str, str], list[str]]:
        """The ids of all products of each reading."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for product in self.catalogue.products:
            found[self.forms.reading(product)].append(product.item_id)
        return found


def click_lessons(
    clicks: Iterable[Click], weighing: Weighing, knobs: ClickKnobs, *, seed: int
) -> ClickLessons:
    """Clicks of products that are no longer sold, and of queries without a word, are left out."""
    known = [
        click
        for click in clicks
        if click.item_id in weighing.catalogue.row_of and words_of(click.query)
    ]
    earlier, later = split_by_time(known, knobs.later_share)
    draw = np.random.default_rng(seed)
    taught = draw.permutation(len(earlier))[: knobs.most_clicks]
    queries = sorted({click.query for click in later})
    order = draw.permutation(len(queries))[: 2 * knobs.most_queries]
    fitted, judged = ({queries[at] for at in half} for half in (order[::2], order[1::2]))
    fitting = [click for click in later if click.query in fitted]
    judging = [click for click in later if click.query in judged]
    return ClickLessons(
        taught=weighing.pairs([earlier[at] for at in taught]),
        taught_queries=tuple(weighing.judged(earlier)[: knobs.cross_queries]),
        fitted=tuple(weighing.judged(fitting)),
        fitted_pairs=weighing.pairs(fitting),
        judged=tuple(weighing.judged(judging)),
    )
