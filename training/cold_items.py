"""Items nobody has had yet: a split that holds out the items which appear last.

Items are ordered by their first appearance: the place of their first act when sequences are read
one after the other in the order of the file (a file without times has no better order), equal
places by smaller code. The last ``share`` of them is cold: no act on them teaches, and a user's
first act on one is a target, asked for with what the user did before it. What that user did after
it teaches nothing either, for it is later than the request. Pure numpy; knows no files.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.sequences import Requests, Sequences, sequences_of
from training.shop_data import Ints


@dataclass(frozen=True)
class ColdSplit:
    """What may teach, what is asked, and which items are candidates."""

    known: Sequences  # of warm items only; codes are those of all items
    requests: Requests  # histories are warm and may be empty: a new user
    cold: Ints  # codes, ascending; each request's target is one of them
    warm: Ints  # codes, ascending; neither cold nor left out

    def with_history(self) -> Requests:
        """The requests of users who did something before."""
        return self.requests.at(np.flatnonzero(self._sizes() > 0))

    def without_history(self) -> Requests:
        """The requests of new users: nothing but the item's own text can help."""
        return self.requests.at(np.flatnonzero(self._sizes() == 0))

    def _sizes(self) -> npt.NDArray[np.int64]:
        return np.array([len(history) for history in self.requests.histories], dtype=np.int64)


def hold_out_cold(sequences: Sequences, *, share: float, later: float = 0.0) -> ColdSplit:
    """Hold out the last ``share`` of items by first appearance, after leaving out ``later``.

    ``later`` is the share of items that appear after the cold ones: they and their acts are as if
    they had never been, which makes an earlier split for choosing knobs.
    """
    order = by_first_appearance(sequences)
    end = len(order) - round(later * len(order))
    begin = max(end - round(share * len(order)), 0)
    is_cold = np.zeros(sequences.item_count, dtype=np.bool_)
    is_cold[order[begin:end]] = True
    is_left_out = np.zeros(sequences.item_count, dtype=np.bool_)
    is_left_out[order[end:]] = True
    known: list[Ints] = []
    histories: list[Ints] = []
    target, group = [], []
    for place, whole in enumerate(sequences.all()):
        items = whole[~is_left_out[whole]]
        where = np.flatnonzero(is_cold[items])
        if len(where):
            history = items[: where[0]]
            histories.append(history)
            target.append(items[where[0]])
            group.append(place)
            items = history
        known.append(items)
    return ColdSplit(
        known=sequences_of(known, sequences.item_count),
        requests=Requests(
            histories, np.array(target, dtype=np.int32), np.array(group, dtype=np.int32)
        ),
        cold=np.flatnonzero(is_cold).astype(np.int32),
        warm=np.sort(order[:begin]).astype(np.int32),
    )


def by_first_appearance(sequences: Sequences) -> Ints:
    """Codes of the items that appear at all, earliest first."""
    present, first = np.unique(sequences.item, return_index=True)
    return present[np.argsort(first, kind="stable")].astype(np.int32)
