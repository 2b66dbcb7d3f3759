"""Label rows of one window: the retrievers' candidates against real baskets, and impressions.

A purchase row is a candidate at the window's cutoff, labelled by whether the user's first basket
after it holds the item. An impression row is something that a session of that basket showed,
labelled by whether the session bought it. Simulated impressions are taken from the target basket
of a training window only, flagged as synthetic, and never validate or judge.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from training.recommender.model import DEFAULT_LIMIT, Recommender
from training.shop_data import Bools, Floats, Impressions, Ints, Longs, ShopData
from training.windows import Targets, Window, first_baskets, microseconds

ORDER, IMPRESSION = "order", "impression"
Kind = TypeVar("Kind", bound=np.generic)
_NO_BASKET = -2  # no code of an order, and not GUEST


@dataclass(frozen=True)
class Sampling:
    """How many label rows a user gives in one window."""

    training_limit: int = 600  # candidates in training windows: more purchases to learn from
    limit: int = DEFAULT_LIMIT  # candidates in the validation window, as in serving
    negatives: int = 90  # kept in training windows, drawn evenly; validation keeps all
    impressions: int = 20  # latest shown items per user and training window


@dataclass(frozen=True)
class Labels:
    """Label rows of one window and source, user by user, with their retrieval columns."""

    window: Window
    source: str
    user: Ints
    item: Ints
    at_us: Longs
    label: Bools
    is_synthetic: Bools
    is_clicked: Floats  # NaN where nothing was shown, or nobody logged it
    is_carted: Floats
    basket_items: Ints  # size of the basket that is foretold; 0 where something was only shown
    columns: Floats
    column_names: tuple[str, ...]


@dataclass(frozen=True)
class _UserRows:
    """One user's part of Labels."""

    user: int
    item: Ints
    at_us: Longs
    label: Bools
    is_synthetic: Bools
    acts: Floats  # (n, 2): was it clicked, was it carted
    basket_items: int
    columns: Floats


def purchase_labels(
    data: ShopData, window: Window, recommender: Recommender, *, sampling: Sampling, seed: int
) -> Labels:
    """Candidates of every user with a basket in the window and purchases before it.

    Negatives are drawn evenly. Keeping those that retrievers rank highest taught the ranker that
    a purchase is what retrievers rank low: validation NDCG@10 fell from .223 to .175.
    """
    targets = first_baskets(data.judge, window)
    keeps_all = window.name == "validation"
    limit = sampling.limit if keeps_all else sampling.training_limit
    draw = np.random.default_rng([seed, microseconds(window.cutoff)])
    rows: list[_UserRows] = []
    names: tuple[str, ...] = ()
    for place, user in enumerate(targets.users):
        found = recommender.candidates(str(data.user_ids[user]), limit=limit)
        if found.is_cold_start:
            continue
        names = found.column_names
        label = np.isin(found.items, targets.of(place))
        kept = label | keeps_all | _drawn(~label, sampling.negatives, draw)
        rows.append(
            _UserRows(
                user=int(user),
                item=found.items[kept],
                at_us=np.full(int(kept.sum()), microseconds(window.cutoff)),
                label=label[kept],
                is_synthetic=np.zeros(int(kept.sum()), dtype=np.bool_),
                acts=np.full((int(kept.sum()), 2), np.nan, dtype=np.float32),
                basket_items=len(targets.of(place)),
                columns=found.columns[kept],
            )
        )
    return _gathered(window, ORDER, rows, names)


def impression_labels(
    data: ShopData, window: Window, recommender: Recommender, sampling: Sampling
) -> Labels:
    """What sessions showed, when they did: the window's real ones, simulated ones of targets."""
    targets = first_baskets(data.judge, window)
    shown = _impressions_of(data.impressions, targets, window)
    starts = np.searchsorted(shown.user, targets.users)
    stops = np.searchsorted(shown.user, targets.users, side="right")
    rows: list[_UserRows] = []
    names: tuple[str, ...] = ()
    for user, start, stop in zip(targets.users, starts, stops, strict=True):
        user_id = str(data.user_ids[user])
        if start == stop or not recommender.knows(user_id):
            continue
        latest = _latest_of_each(shown, int(start), int(stop))[-sampling.impressions :]
        columns, names = recommender.describe(user_id, shown.item[latest])
        rows.append(
            _UserRows(
                user=int(user),
                item=shown.item[latest],
                at_us=shown.at_us[latest],
                label=shown.is_bought[latest],
                is_synthetic=shown.is_synthetic[latest],
                acts=np.column_stack([shown.is_clicked[latest], shown.is_carted[latest]]),
                basket_items=0,
                columns=columns,
            )
        )
    return _gathered(window, IMPRESSION, rows, names)


def _impressions_of(shown: Impressions, targets: Targets, window: Window) -> Impressions:
    """Impressions inside the window; simulated ones only if made from the target basket."""
    known = max(shown.user.max(initial=0), targets.users.max(initial=0)) + 1
    basket = np.full(known, _NO_BASKET, dtype=np.int64)
    basket[targets.users] = targets.orders
    start, end = microseconds(window.cutoff), microseconds(window.ends_at)
    is_inside = (shown.at_us >= start) & (shown.at_us < end)
    return shown.where(is_inside & (~shown.is_synthetic | (basket[shown.user] == shown.order)))


def _latest_of_each(shown: Impressions, start: int, stop: int) -> Longs:
    """Places of each item's last impression, in order of time."""
    items = shown.item[start:stop]
    last = len(items) - 1 - np.unique(items[::-1], return_index=True)[1]
    return np.sort(last) + start


def _drawn(allowed: Bools, count: int, draw: np.random.Generator) -> Bools:
    """A mask of at most ``count`` of the allowed places, each as likely as the other."""
    chosen = draw.permutation(np.flatnonzero(allowed))[:count]
    mask = np.zeros(len(allowed), dtype=np.bool_)
    mask[chosen] = True
    return mask


def _gathered(window: Window, source: str, rows: list[_UserRows], names: tuple[str, ...]) -> Labels:
    sizes = [len(row.item) for row in rows]
    users = np.array([row.user for row in rows], dtype=np.int32)
    acts = _joined_rows([row.acts for row in rows], 2)
    return Labels(
        window=window,
        source=source,
        user=np.repeat(users, sizes),
        item=_joined((row.item for row in rows), np.int32),
        at_us=_joined((row.at_us for row in rows), np.int64),
        label=_joined((row.label for row in rows), np.bool_),
        is_synthetic=_joined((row.is_synthetic for row in rows), np.bool_),
        is_clicked=acts[:, 0],
        is_carted=acts[:, 1],
        basket_items=np.repeat(np.array([r.basket_items for r in rows], dtype=np.int32), sizes),
        columns=_joined_rows([row.columns for row in rows], len(names)),
        column_names=names,
    )


def _joined(parts: Iterable[npt.NDArray[Kind]], kind: type[Kind]) -> npt.NDArray[Kind]:
    return np.concatenate([np.empty(0, dtype=kind), *parts])


def _joined_rows(parts: list[Floats], width: int) -> Floats:
    return np.concatenate([np.empty((0, width), dtype=np.float32), *parts])
