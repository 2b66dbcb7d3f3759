"""Peers from PyPI on our split: each in a process of their own Python, judged by our metrics.

``make bench-recommenders`` installs them (group ``bench`` of pyproject.toml) into an environment
beside ours, since their pins are not ours. They read the split and write lists as .npz; nothing
else passes between.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from recommenders_figures import Figures
from recommenders_protocols import Effort
from recommenders_task import Task, judge_alone, say

from training.retrievers import Histories, Proposals
from training.sequences import Requests, Sequences, Split

_SIDE = Path(__file__).parent / "recommenders_peers_side.py"
_VALIDATION = 2_000  # requests that choose a peer's knobs or epoch


def measure_peers(task: Task, python: Path, work: Path) -> Figures:
    """Every peer, one after the other; their lists are judged as ours are.

    All have one time together: a slow one must not take the part's own figures with it.
    """
    path = work / "split.npz"
    hides_seen, k = task.protocol.hides_seen, task.effort.kept
    np.savez(path, **_arrays(task.split, hides_seen=hides_seen, k=k))
    found: Figures = {}
    ends_at = time.monotonic() + task.effort.peers_seconds
    for name in task.effort.peers:
        limit = min(task.effort.peer_limit_seconds, ends_at - time.monotonic())
        facts, proposals = _one(name, python, path, task.effort, limit)
        found[name] = facts if proposals is None else judge_alone(proposals, task) | facts
        say(f"peer {name}", found[name])
    return found


def _one(
    name: str, python: Path, split_path: Path, effort: Effort, limit: float
) -> tuple[Figures, Proposals | None]:
    """Its times and its lists, or why it did not run."""
    if limit <= 0:
        return {"not_run": "the peers' time was over"}, None
    out = split_path.with_name(f"{name}.npz")
    command = [python, _SIDE, name, "--split", split_path, "--out", out]
    command += ["--seconds", effort.peer_seconds]
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True, text=True, timeout=limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"not_run": f"not done within {limit:.0f} s"}, None
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"not_run": f"failed: {last}"}, None
    facts = json.loads(done.stdout.strip().splitlines()[-1])
    if "not_run" in facts:
        return facts, None
    with np.load(out) as found:
        return facts, Proposals(found["items"], found["scores"])


def _arrays(split: Split, *, hides_seen: bool, k: int) -> dict[str, Any]:
    validation = split.validation.sample(_VALIDATION, 3)
    return {
        **_of_sequences("known", split.known),
        **_of_sequences("learned", split.learned),
        **_of_requests("validation", validation),
        **_of_requests("test", split.test),
        "test_owner": _owners(split),
        "item_count": split.known.item_count,
        "hides_seen": hides_seen,
        "k": k,
    }


def _owners(split: Split) -> np.ndarray:
    """Per request the sequence that it goes on from, -1 where the models never saw it begin."""
    if split.learned is split.known:  # leave-one-out: a group is a place in the file
        return split.test.group
    return np.full(len(split.test), -1)


def _of_sequences(name: str, sequences: Sequences) -> dict[str, np.ndarray]:
    return {f"{name}_starts": sequences.starts, f"{name}_item": sequences.item}


def _of_requests(name: str, requests: Requests) -> dict[str, np.ndarray]:
    starts, item = _flat(requests.histories)
    return {f"{name}_starts": starts, f"{name}_item": item, f"{name}_target": requests.target}


def _flat(histories: Histories) -> tuple[np.ndarray, np.ndarray]:
    sizes = [len(history) for history in histories]
    empty = np.empty(0, dtype=np.int32)
    return np.concatenate([[0], np.cumsum(sizes)]), np.concatenate([empty, *histories])
