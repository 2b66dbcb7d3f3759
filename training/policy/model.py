"""What happens to a ranked list before an answer leaves: rules, diversity, exploration.

Pure numpy, no files. In order: rules drop items, each with a reason code (rules, fatigue, category
cap); MMR reorders the places that are shown; one place may go to an item drawn at random. Every
ranked item is in the outcome once, kept or dropped.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.policy.config import SURFACES as SURFACES
from training.policy.config import SurfacePolicy as SurfacePolicy
from training.policy.config import read_policies as read_policies
from training.policy.diversity import diversified
from training.policy.exploration import draw
from training.policy.fatigue import Impressions as Impressions
from training.policy.rules import BEYOND_K as BEYOND_K
from training.policy.rules import REASONS as REASONS
from training.policy.rules import RULES, broken_rules
from training.policy.rules import UNKNOWN_ITEM as UNKNOWN_ITEM
from training.policy.rules import Circumstances as Circumstances

Bools = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranked:
    """Items best first: (n,) codes and scores, (n, levels) categories, (n, d) vectors or zeros."""

    items: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    categories: npt.NDArray[np.int32]
    vectors: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """``kept`` and ``dropped`` are places in the ranked list: what each was before the policy."""

    kept: Longs  # in the order of the answer
    is_moved: Bools  # per kept item: diversity gave it another place than its rank
    dropped: Longs  # in the order of the ranking
    reasons: tuple[str, ...]  # per dropped item
    explored: int | None = None  # the place in ``kept`` of the item drawn at random
    propensity: float | None = None  # the probability that this item was drawn


def apply_policy(
    ranked: Ranked, holds: Circumstances, policy: SurfacePolicy, *, k: int, request_id: str
) -> Outcome:
    """The list of which the first ``k`` are shown; the same request id gives the same list."""
    broken = broken_rules(ranked.items, ranked.categories, holds, policy)
    left, dropped = np.flatnonzero(broken < 0), np.flatnonzero(broken >= 0)
    reordered = diversified(
        ranked.scores[left],
        ranked.categories[left],
        ranked.vectors[left],
        trade=policy.mmr_lambda,
        count=k,
    )
    outcome = Outcome(
        kept=left[reordered],
        is_moved=reordered != np.arange(len(left)),
        dropped=dropped,
        reasons=tuple(RULES[rule] for rule in broken[dropped]),
    )
    return _explored(outcome, policy, k=k, request_id=request_id) if policy.explore else outcome


def _explored(outcome: Outcome, policy: SurfacePolicy, *, k: int, request_id: str) -> Outcome:
    """The drawn item moves up to the place of the draw; those between move down by one."""
    size = len(outcome.kept)
    drawn = draw(
        request_id, size=size, shown=k, place=policy.explore_place, pool=policy.explore_pool
    )
    if drawn is None:
        return outcome
    order = np.delete(np.arange(size), drawn.drawn)
    order = np.insert(order, drawn.place, drawn.drawn)
    return Outcome(
        kept=outcome.kept[order],
        is_moved=outcome.is_moved[order],
        dropped=outcome.dropped,
        reasons=outcome.reasons,
        explored=drawn.place,
        propensity=drawn.propensity,
    )
