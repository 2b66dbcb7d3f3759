"""The split as a peer reads it, and its lists as rectangles; for a Python without our packages."""

import numpy as np
import pandas as pd
import scipy.sparse as sp

Lists = tuple[np.ndarray, np.ndarray]  # items (n, k), -1 for none; scores


class Part:
    """Flat acts of many histories: ``item[starts[i]:starts[i + 1]]``."""

    def __init__(self, found: dict, name: str) -> None:
        self.starts, self.item = found[f"{name}_starts"], found[f"{name}_item"]
        self.item_count = int(found["item_count"])
        self.target = found.get(f"{name}_target")

    def __len__(self) -> int:
        return len(self.starts) - 1

    def matrix(self) -> sp.csr_matrix:
        shape = (len(self), self.item_count)
        ones = np.ones(len(self.item), dtype=np.float32)
        found = sp.csr_matrix((ones, self.item, self.starts), shape=shape, copy=True)
        found.sum_duplicates()
        found.data[:] = 1.0
        return found

    def frame(self) -> pd.DataFrame:
        """rectools' interactions; an act a second, so that the order is that of time."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.starts))
        at = pd.to_datetime(np.arange(len(self.item)), unit="s")
        return pd.DataFrame({"user_id": owner, "item_id": self.item, "weight": 1, "datetime": at})


class Work:
    """The split and how the peer is asked."""

    def __init__(self, found: dict, seconds: float) -> None:
        self.known, self.learned = Part(found, "known"), Part(found, "learned")
        self.validation, self.test = Part(found, "validation"), Part(found, "test")
        self.owners = found["test_owner"]  # sequence of ``learned`` that each request belongs to
        self.k, self.hides_seen = int(found["k"]), bool(found["hides_seen"])
        self.seconds = seconds

    def shown(self, part: Part, items: np.ndarray, scores: np.ndarray) -> Lists:
        """Lists without what is hidden; libraries fill short lists with it."""
        items, scores = items.astype(np.int32), scores.astype(np.float32)
        bad = (items < 0) | ~np.isfinite(scores) | (scores <= np.finfo(np.float32).min)
        if self.hides_seen:
            for row in range(len(items)):
                own = part.item[part.starts[row] : part.starts[row + 1]]
                bad[row] |= np.isin(items[row], own)
        return np.where(bad, -1, items), np.where(bad, -np.inf, scores).astype(np.float32)


def ndcg(items: np.ndarray, target: np.ndarray) -> float:
    """NDCG@10 of one right item each, by place in the list: what knobs are chosen by."""
    row, place = np.nonzero(items[:, :10] == target[:, None])
    return float((1 / np.log2(2 + place)).sum() / max(len(items), 1)) if len(row) else 0.0


def lists_of(user: np.ndarray, item: np.ndarray, score: np.ndarray, *, count: int, k: int) -> Lists:
    """Rows of (user, item, score), best first within a user, as two rectangles."""
    user, item = np.asarray(user), np.asarray(item)
    order = np.argsort(user, kind="stable")
    user, item, score = user[order], item[order], np.asarray(score)[order]
    place = np.arange(len(user)) - np.searchsorted(user, user)
    items, scores = np.full((count, k), -1), np.full((count, k), -np.inf)
    items[user, place], scores[user, place] = item, score
    return items, scores
