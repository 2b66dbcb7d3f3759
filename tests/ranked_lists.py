"""Small ranked lists for tests of what happens after ranking."""

import numpy as np

from training.policy.model import Circumstances, Ranked, SurfacePolicy, apply_policy

PLAIN = SurfacePolicy()


def ints(*values):
    return np.array(values, dtype=np.int32)


def ranked(count=6, *, categories=None, vectors=None, scores=None):
    """Items 10, 11, ... best first; each in a category of its own unless told otherwise."""
    kinds = np.arange(count) if categories is None else np.array(categories)
    return Ranked(
        items=np.arange(10, 10 + count, dtype=np.int32),
        scores=np.linspace(1, 0, count) if scores is None else np.array(scores, dtype=np.float64),
        categories=np.column_stack([kinds]).astype(np.int32),
        vectors=np.zeros((count, 2), np.float32) if vectors is None else np.float32(vectors),
    )


def settle(listed, holds=None, policy=PLAIN, *, k=3, request_id="r1"):
    return apply_policy(listed, holds or Circumstances(), policy, k=k, request_id=request_id)
