"""The tagger of ``counterfoil train personal-data``, and how a saved one is put to use again.

    counterfoil train personal-data --data sentences.json
    finder = finder_of(open_text_bundle(folder).model())

A share of the groups of sentences validates: it chooses the epoch and teaches nothing.
"""

from functools import partial
from pathlib import Path

from governance.errors import InputError
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.model import TunedModel
from training.fine_tuning.taught import Progress, TaughtText, Watch, judge_taught
from training.fine_tuning.train import fine_tune
from training.personal_data.augment import as_lesson
from training.personal_data.config import TUNING_FILE, read_config
from training.personal_data.marked import read_sentences
from training.personal_data.model import DIRECT_KINDS, PersonalData
from training.personal_data.tagger import Tagger, read_by
from training.personal_data.train import head_of, held_out, lesson_of, reachable

KNOBS_FILE = TUNING_FILE
_VALIDATED = 0.15  # of the groups


def teach(
    data: Path | None,
    *,
    encoder: Encoder,
    knobs: FineTuning,
    checkpoint: Path | None,
    progress: Progress,
    watch: Watch,
) -> TaughtText:
    """Learn from a file of marked sentences; InputError without one, since none ships."""
    if data is None:
        raise InputError(
            "there are no sentences to learn from",
            where="counterfoil train personal-data",
            next_step="give --data a JSON list of sentences (training/personal_data/marked.py)",
        )
    found, config = read_sentences(data), read_config()
    kept = held_out(found.groups, share=_VALIDATED, seed=knobs.seed)
    if not kept:
        raise InputError(
            "the sentences are too few, or all of one template",
            where=str(data),
            why=f"{_VALIDATED:.0%} of the templates validate, which is none here",
            next_step="give sentences of seven templates at least",
        )
    taught = [one for row, one in enumerate(found.marked) if row not in kept]
    head = head_of(found.marked)
    validation = as_lesson(
        [found.marked[row] for row in sorted(kept)], partial(read_by, encoder.tokenizer)
    )
    tuned = fine_tune(
        encoder, head, lesson_of(encoder, taught, head, config), validation,
        reachable(knobs, encoder), progress=progress, checkpoint=checkpoint, watch=watch,
    )  # fmt: skip
    return judge_taught(tuned, validation)


def finder_of(model: TunedModel) -> PersonalData:
    """What a saved tagger finds, with the patterns: kinds that name or reach one person.

    Pieces of addresses are not favoured (``begins``): a mask covers either, and titles look like
    them.
    """
    least = dict.fromkeys(model.head.labels, read_config().least)
    return PersonalData(Tagger(model, least), DIRECT_KINDS)
