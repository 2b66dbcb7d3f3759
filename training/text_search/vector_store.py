"""Vectors that need not be made again: those of the index before, and of a build that was killed.

A vector is known by its key: the text, the encoder and the length read (``dense.text_keys``). Parts
are files of some thousand vectors beside the index; they go when the new version is in use.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from governance.files import atomic_path
from training.encoder.model import Encoder
from training.text_search.dense import Halves, Keys, embedded

_PARTS = ".parts"
_PART_VECTORS = 2_048  # in a file: ten seconds of a core are lost at most by a kill

Say = Callable[[str], None]


@dataclass
class VectorStore:
    """Known vectors by key, and where new ones are kept until the index has them."""

    parts_dir: Path
    known: dict[bytes, Halves] = field(default_factory=dict)

    @classmethod
    def open(cls, index_dir: Path) -> "VectorStore":
        """With the parts that a killed build left; a half-written one was never named."""
        store = cls(index_dir / _PARTS)
        for path in sorted(store.parts_dir.glob("*.safetensors")):
            try:
                part = load_file(path)
                store.add(part["keys"], part["vectors"])
            except (SafetensorError, KeyError):
                path.unlink(missing_ok=True)
        return store

    def add(self, keys: Keys, vectors: Halves) -> None:
        """Vectors made before."""
        self.known.update((key.tobytes(), row) for key, row in zip(keys, vectors, strict=True))

    def vectors(
        self, encoder: Encoder, texts: Sequence[str], keys: Keys, *, length: int, say: Say
    ) -> Halves:
        """(N, D) of every text; only what is not known is embedded, equal texts once."""
        wanted = {key: row for row, k in enumerate(keys) if (key := k.tobytes()) not in self.known}
        rows = sorted(wanted.values())
        say(f"search: {len(texts)} products, {len(rows)} texts to embed")
        for part in self._embedded(encoder, [texts[row] for row in rows], length, say):
            places = np.array([rows[place] for place in part[0]], dtype=np.int64)
            self._keep(keys[places], part[1])
        found = [self.known[key.tobytes()] for key in keys]
        return np.stack(found) if found else np.zeros((0, encoder.width), np.float16)

    def forget_parts(self) -> None:
        """The index has them now."""
        shutil.rmtree(self.parts_dir, ignore_errors=True)

    def _keep(self, keys: Keys, vectors: Halves) -> None:
        self.add(keys, vectors)
        path = self.parts_dir / f"{keys[0].tobytes().hex()[:16]}.safetensors"
        with atomic_path(path) as beside:
            save_file({"keys": keys, "vectors": vectors}, beside)

    def _embedded(
        self, encoder: Encoder, texts: Sequence[str], length: int, say: Say
    ) -> Iterator[tuple[list[int], Halves]]:
        """Batches gathered into parts, with a line for each."""
        began, done = time.monotonic(), 0
        rows: list[int] = []
        gathered: list[Halves] = []
        for batch_rows, vectors in embedded(encoder, texts, length=length):
            rows += batch_rows
            gathered.append(vectors)
            done += len(batch_rows)
            if len(rows) >= _PART_VECTORS or done == len(texts):
                yield rows, np.concatenate(gathered)
                rows, gathered = [], []
                seconds = max(time.monotonic() - began, 1e-9)
                left = (len(texts) - done) * seconds / done
                say(f"search: {done}/{len(texts)} embedded, {left:.0f} s left")
