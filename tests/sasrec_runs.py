"""A small file of sequences, and the SASRec training as a command of its own to run on it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ENVIRONMENT = {"OMP_NUM_THREADS": "1"}  # two threads on busy cores wait for each other
KNOBS = """
network: {width: 16, heads: 1, length: 8, dropout: %s, temperature: 0.1}
training: {epochs: %s, patience: 9, batch: 16, pool: 4, full_softmax_up_to: %s, min_baskets: 1}
"""
ITEMS = 40


def write_walks(folder, *, users, epochs, dropout, is_full=True):
    """Users who walk a ring of items from different places, and the knobs to learn it with."""
    draw = np.random.default_rng(3)
    starts, lengths = draw.integers(0, ITEMS, users), draw.integers(4, 12, users)
    walks = [(start + np.arange(n)) % ITEMS + 1 for start, n in zip(starts, lengths, strict=True)]
    lines = [" ".join(map(str, [user, *walk])) for user, walk in enumerate(walks, start=1)]
    folder.mkdir(exist_ok=True)
    (folder / "sequences.txt").write_text("\n".join(lines), encoding="utf-8")
    knobs = KNOBS % (dropout, epochs, ITEMS if is_full else 0)
    (folder / "knobs.yaml").write_text(knobs, encoding="utf-8")
    return folder


def start(folder: Path, out: Path, *, processes: int = 1) -> "subprocess.Popen[bytes]":
    """Begin, or go on with, the training of ``folder`` in ``out``."""
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
        launcher.append(str(processes))
    command = [*launcher, "-m", "training.sasrec", "--threads", "1", "--out", str(out)]
    command += ["--sequences", str(folder / "sequences.txt")]
    command += ["--config", str(folder / "knobs.yaml")]
    return subprocess.Popen(command, env={**os.environ, **ENVIRONMENT})
