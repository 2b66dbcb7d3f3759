"""What was read of each text, kept by its content: no text is read twice by the same model.

Under ``texts/<shop>/<model>/`` of the home lie the axes and files of readings, each written whole;
a stage that was killed goes on after the last of them. The model is the encoder's bytes together
with this reading's settings. The axes are fitted once, on the titles that were there then: a later
title is placed on them and moves nothing that was read before. No text is kept here, only digests.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from flows.kept_readings import KeptReadings, Numbers
from flows.stages import Progress
from governance.errors import StateError
from governance.files import atomic_path, digest_of
from governance.settings import Settings
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.encoder.readable import readable
from training.text_features.model import AXES, COLUMNS, SCALE, TitleAxes, fit_axes
from training.text_features.reading import BATCH, TOKENS, read_texts, vectors_of

CHUNK = 5_000  # texts a file: half a minute of work that a kill can cost; two of the first axes
MOST_FITTED = 20_000  # titles that the axes are fitted on, by digest: more move them little


@dataclass(frozen=True)
class Reader:
    """An encoder, the shop's axes, and where readings are kept."""

    encoder: Encoder
    axes: TitleAxes
    folder: Path

    @property
    def digest(self) -> str:
        return self.folder.name


def open_reader(
    settings: Settings, titles: Iterable[str] | None = None, progress: Progress = lambda _: None
) -> Reader:
    """The reader of this home and shop; the axes are fitted on ``titles`` if there are none yet."""
    import torch

    torch.set_num_threads(settings.threads)
    encoder = load_encoder(settings.encoder)
    model = digest_of({"encoder": encoder.digest, "reading": [TOKENS, BATCH, SCALE, len(AXES)]})
    folder = settings.texts_dir / settings.shop / model[:12]
    path = folder / "axes.safetensors"
    if not path.is_file():
        if titles is None:
            raise StateError(
                "the axes of this shop's titles are not there",
                where=str(path),
                why="no title has been read in this home by this encoder",
                next_step="counterfoil build",
            )
        known = sorted({text for title in titles if (text := readable(title))}, key=text_digest)
        progress(f"fitting axes on {min(len(known), MOST_FITTED):,} titles")
        _fit(path, known[:MOST_FITTED], encoder, progress)
    return Reader(encoder, TitleAxes(**load_file(path)), folder)


def read_anew(reader: Reader, texts: Iterable[str], progress: Progress) -> dict[str, Numbers]:
    """Numbers by digest of every text; only those that no file holds are read."""
    by_digest = {text_digest(text): text for text in texts}
    return KeptReadings(reader.folder, COLUMNS).read_anew(
        by_digest, lambda part: numbers_of(reader, part, progress), chunk=CHUNK, progress=progress
    )


def numbers_of(
    reader: Reader, texts: Sequence[str], progress: Progress = lambda _: None
) -> list[tuple[int, ...]]:
    """The numbers of each text, read now; the same for a text whatever stands beside it."""
    reading = read_texts(texts, reader.encoder, reader.axes, progress)
    pairs = zip(reading.places.tolist(), reading.word_counts, strict=True)
    return [(*places, words) for places, words in pairs]


def text_digest(text: str | None) -> str:
    """SHA-256 of a text as it is read."""
    return hashlib.sha256(readable(text).encode()).hexdigest()


def _fit(path: Path, titles: Sequence[str], encoder: Encoder, progress: Progress) -> None:
    """The axes of the titles, and the titles' readings with them: they are not read again."""
    vectors = vectors_of(titles, encoder, progress)
    axes = fit_axes(vectors)
    words = [len(title.split()) for title in titles]
    numbers = [(*row, n) for row, n in zip(axes.places_of(vectors).tolist(), words, strict=True)]
    _save_axes(path, axes)
    KeptReadings(path.parent, COLUMNS).keep([text_digest(title) for title in titles], numbers)


def _save_axes(path: Path, axes: TitleAxes) -> None:
    with atomic_path(path) as beside:
        save_file({"mean": axes.mean, "directions": np.ascontiguousarray(axes.directions)}, beside)
