"""Learn an index's parts from clicks, one after the other, each kept only if it does not lose.

First the encoder, then how the lists are joined, then the cross-encoder. Each is judged by later
searches that taught nothing, in the index as it stands by then. Same clicks, knobs, seed, device
and threads: same result, also after a kill, since trainings go on from ``state_dir``.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from training.encoder.model import Encoder
from training.fine_tuning.task import Task
from training.fine_tuning.task import subject_of as subject_of_cross
from training.fine_tuning.taught import TaughtText, judge_taught
from training.text_search.click_lessons import ClickLessons, Weighing, click_lessons
from training.text_search.clicks import Click
from training.text_search.comparison import Comparison, Reached, reached
from training.text_search.cross_encoder import HEAD, cross_lesson, teach_cross
from training.text_search.encoder_file import save_encoder
from training.text_search.fine_tune import fine_tune_dense, subject_of
from training.text_search.fit_fusion import FEWEST, fit_fusion
from training.text_search.fusion import Fusion
from training.text_search.index import SearchIndex
from training.text_search.judged import Judged, known_items
from training.text_search.learned_file import ENCODER
from training.text_search.learning_config import LearningKnobs
from training.text_search.position_bias import PositionBias, Shuffled, position_bias

Say = Callable[[str], None]
IndexOf = Callable[[Encoder], SearchIndex]  # the catalogue's, by the default fusion


@dataclass(frozen=True)
class ClickLog:
    """What a shop's log tells of its searches; ``is_synthetic`` where they were simulated."""

    clicks: tuple[Click, ...] = ()
    shuffled: Shuffled = field(default_factory=Shuffled)
    is_synthetic: bool = False


@dataclass(frozen=True)
class Learned:
    """The parts to use; ``encoder`` None: the plain one stays, ``cross`` None: none reads again."""

    encoder: Encoder | None
    fusion: Fusion
    cross: TaughtText | None
    facts: dict[str, object]


def learn(
    plain: Encoder,
    index_of: IndexOf,
    log: ClickLog,
    knobs: LearningKnobs,
    *,
    state_dir: Path,
    progress: Say,
) -> Learned:
    """What the clicks teach; without enough later ones only a fusion for known items is fitted."""
    bias = position_bias(log.shuffled, eta=knobs.clicks.examination_eta)
    index = index_of(plain)
    weight = knobs.clicks.most_weight
    weighing = Weighing(index.catalogue, index.knobs, bias.propensities, weight)
    lessons = click_lessons(log.clicks, weighing, knobs.clicks, seed=knobs.seed)
    progress(f"learning: {len(lessons.taught):,} of {len(log.clicks):,} clicks teach, "
             f"{len(lessons.fitted)} later searches fit, {len(lessons.judged)} judge; "
             f"positions: {bias.told}")  # fmt: skip
    run = _Run(knobs, lessons, state_dir, progress)
    encoder = run.encoder(plain, index, index_of)
    if encoder is not None:
        index = index_of(encoder)
    index = run.fusion(index)
    cross = run.cross(index, encoder or plain)
    return Learned(encoder, index.fusion, cross, run.facts(log, bias, plain))


class _Run:
    """One learning under way: its lessons, and what was compared so far."""

    def __init__(
        self, knobs: LearningKnobs, lessons: ClickLessons, state_dir: Path, progress: Say
    ) -> None:
        self._knobs, self._lessons, self._state_dir = knobs, lessons, state_dir
        self._say, self._compared = progress, list[Comparison]()
        self._now: Reached | None = None  # by the index as it stands
        self._can_judge = len(lessons.judged) >= FEWEST
        if not self._can_judge:
            progress(
                f"learning: fewer than {FEWEST} later searches can judge: no encoder is taught"
            )

    def encoder(self, plain: Encoder, index: SearchIndex, index_of: IndexOf) -> Encoder | None:
        """The tuned encoder, or None where it loses or nobody can judge."""
        taught, fitted, knobs = self._lessons.taught, self._lessons.fitted_pairs, self._knobs.dense
        if not self._can_judge:
            return None
        subject = subject_of(plain, taught, fitted, knobs)
        tuned = fine_tune_dense(
            plain, taught, fitted, knobs,
            progress=self._say, checkpoint=self._checkpoint("dense", subject),
        ).encoder  # fmt: skip
        saved = save_encoder(self._state_dir / ENCODER, tuned)
        found = replace(saved, name=f"{plain.name}, taught by clicks")
        return found if self._is_kept("encoder", index, index_of(found)) else None

    def fusion(self, index: SearchIndex) -> SearchIndex:
        """The index with the fitted fusion, or as it was."""
        queries, knobs = self._lessons.fitted, self._knobs.clicks
        lack = max(knobs.known_items - len(queries), 0)
        made = known_items(index.catalogue, lack, seed=self._knobs.seed)
        fitted = fit_fusion(index, [*queries, *made], progress=self._say)
        if not self._can_judge:  # its own cross-validation chose it
            return fitted
        return fitted if self._is_kept("fusion", index, fitted) else index

    def cross(self, index: SearchIndex, encoder: Encoder) -> TaughtText | None:
        """The cross-encoder, or None where it loses or nobody can judge."""
        if not self._can_judge:
            return None
        taught, knobs = cross_lesson(index, self._lessons.taught_queries), self._knobs.cross
        fitted = cross_lesson(index, self._lessons.fitted)
        subject = subject_of_cross(encoder, [Task(HEAD, taught, fitted)], knobs)
        tuned = teach_cross(
            encoder, taught, knobs, validation=fitted,
            progress=self._say, checkpoint=self._checkpoint("cross", subject),
        )  # fmt: skip
        with_it = replace(index, cross=tuned.model)
        is_kept = self._is_kept("cross_encoder", index, with_it)
        return judge_taught(tuned, fitted) if is_kept else None

    def facts(self, log: ClickLog, bias: PositionBias, plain: Encoder) -> dict[str, object]:
        """For the card: from what was learned, and what each part did."""
        came_of = "simulated sessions" if log.is_synthetic else "the shop's sessions"
        return {
            "told": f"learned from {came_of}" if self._can_judge else (
                "too few clicked searches: only the fusion is fitted"
            ),
            "is_synthetic": log.is_synthetic,
            "clicks": len(log.clicks),
            "taught_clicks": len(self._lessons.taught),
            "fitted_searches": len(self._lessons.fitted),
            "judged_searches": len(self._lessons.judged),
            "positions": {"told": bias.told, "propensities": list(bias.propensities)},
            "plain_encoder": plain.digest,
            "knobs": asdict(self._knobs),
            "parts": [one.as_dict() for one in self._compared],
        }  # fmt: skip

    def _is_kept(self, part: str, before: SearchIndex, after: SearchIndex) -> bool:
        judged: Sequence[Judged] = self._lessons.judged
        was = self._now or reached(before, judged)
        found = Comparison(part, was, reached(after, judged))
        self._compared.append(found)
        self._now = found.after if found.is_kept else was
        self._say(f"learning: {found.line()}")
        return found.is_kept

    def _checkpoint(self, name: str, subject: str) -> Path:
        """Of this very training; what another one left is cleared away."""
        path = self._state_dir / f"{name}-{subject[:12]}.safetensors"
        for other in self._state_dir.glob(f"{name}-*.safetensors"):
            if other != path:
                other.unlink()
        return path
