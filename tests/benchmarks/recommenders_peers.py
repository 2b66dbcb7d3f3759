"""Peers from PyPI on our split: each in a process of their own Python, judged by our metrics.

``make bench-recommenders`` installs them (extra ``bench``) into an environment beside ours, since
their pins are not ours. They read the split and write lists as .npz; nothing else passes between.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from recommenders_protocols import Effort, Protocol

from training.retrievers import Histories, Proposals
from training.sequences import Requests, Sequences, Split

NAMES = (
    "implicit_cosine", "implicit_bm25", "implicit_als", "implicit_bpr", "rectools_ease",
    "rectools_sasrec",
)  # fmt: skip
_SIDE = Path(__file__).parent / "recommenders_peers_side.py"
_VALIDATION = 2_000  # requests that choose a peer's knobs or epoch
_SPARE_SECONDS = 900.0  # beside learning in epochs: counting, scoring, imports


@dataclass(frozen=True)
class Peer:
    """Its lists for the test requests (None: it did not run) and its times, or why it did not."""

    proposals: Proposals | None
    facts: dict[str, Any]


def measure_peers(
    split: Split, protocol: Protocol, effort: Effort, python: Path, work: Path
) -> dict[str, Peer]:
    """Every peer, one after the other, with the seconds that ``effort`` gives."""
    path = work / "split.npz"
    np.savez(path, **_arrays(split, hides_seen=protocol.hides_seen, k=effort.kept))
    return {name: _one(name, python, path, effort.peer_seconds) for name in NAMES}


def _one(name: str, python: Path, split_path: Path, seconds: float) -> Peer:
    out = split_path.with_name(f"{name}.npz")
    command = [python, _SIDE, name, "--split", split_path, "--out", out, "--seconds", seconds]
    limit = seconds + _SPARE_SECONDS
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True, text=True, timeout=limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Peer(None, {"not_run": f"not done within {limit:.0f} s"})
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Peer(None, {"not_run": f"failed: {last}"})
    facts = json.loads(done.stdout.strip().splitlines()[-1])
    if "not_run" in facts:
        return Peer(None, facts)
    with np.load(out) as found:
        return Peer(Proposals(found["items"], found["scores"]), facts)


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
