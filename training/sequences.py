"""Sequences of items in time order, and splits of them that never show a model its own targets.

A request is what a shopper did so far and the one item that came next. Leave-one-out is strict:
models learn from all but the last two items of a user, knobs are chosen on the last but one, the
last one judges, and the item that chose the knobs is in no model. Pure numpy; knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.shop_data import Ints, Longs


@dataclass(frozen=True)
class Sequences:
    """Items of sequence i, oldest first: ``item[starts[i]:starts[i + 1]]``; codes from 0."""

    starts: Longs
    item: Ints
    item_count: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, place: int) -> Ints:
        """The items of one sequence."""
        return self.item[self.starts[place] : self.starts[place + 1]]

    def all(self) -> list[Ints]:
        """The items of every sequence; views, not copies."""
        return [self.of(place) for place in range(len(self))]

    def owner(self) -> Longs:
        """Per item the place of its sequence."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))


@dataclass(frozen=True)
class Requests:
    """Histories and the item that came next; requests of one ``group`` are no independent draws."""

    histories: list[Ints]
    target: Ints
    group: Ints  # a user or a session; the bootstrap draws groups

    def __len__(self) -> int:
        return len(self.histories)

    def sample(self, size: int, seed: int) -> "Requests":
        """At most ``size`` requests, drawn without replacement, in order."""
        if size >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self), size, replace=False))
        return self.at(chosen)

    def at(self, places: Longs) -> "Requests":
        """The requests at these places."""
        histories = [self.histories[place] for place in places]
        return Requests(histories, self.target[places], self.group[places])


@dataclass(frozen=True)
class Split:
    """``known`` fits models whose knobs ``validation`` chooses; ``learned`` fits those judged."""

    known: Sequences
    validation: Requests
    learned: Sequences
    test: Requests


def sequences_of(lists: Sequence[Ints], item_count: int) -> Sequences:
    """Many arrays as one."""
    sizes = np.array([len(items) for items in lists], dtype=np.int64)
    items = np.concatenate(lists) if lists else np.empty(0, dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Sequences(starts, items.astype(np.int32), item_count)


def leave_one_out(sequences: Sequences) -> Split:
    """The strict split of users with at least three items; shorter ones only teach."""
    lists = sequences.all()
    judged = [place for place, items in enumerate(lists) if len(items) >= 3]
    known = [items[:-2] if len(items) >= 3 else items for items in lists]
    learned = sequences_of(known, sequences.item_count)
    group = np.array(judged, dtype=np.int32)

    def requests(back: int) -> Requests:
        target = np.array([lists[place][-back] for place in judged], dtype=np.int32)
        return Requests([lists[place][:-back] for place in judged], target, group)

    return Split(known=learned, validation=requests(2), learned=learned, test=requests(1))


def later_sessions(train: Sequences, test: Requests, *, validation_share: float) -> Split:
    """Knobs are chosen on the last sessions of ``train`` (in file order), then all of it teaches.

    A validation target that no earlier session holds stays: it counts as a miss, as in the test.
    """
    lists = train.all()
    cut = len(lists) - max(round(len(lists) * validation_share), 1)
    return Split(
        known=sequences_of(lists[:cut], train.item_count),
        validation=prefixes(lists[cut:]),
        learned=train,
        test=test,
    )


def prefixes(sessions: Sequence[Ints]) -> Requests:
    """Every proper beginning of every session with the item that followed it."""
    histories, target, group = [], [], []
    for place, items in enumerate(sessions):
        for length in range(1, len(items)):
            histories.append(items[:length])
            target.append(items[length])
            group.append(place)
    return Requests(histories, np.array(target, dtype=np.int32), np.array(group, dtype=np.int32))
