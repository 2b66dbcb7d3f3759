"""Builds: which landing and which code the online store was filled from, at any time.

Read from the records of stages. Two reads of the same build must agree with the same feature
tables; a read of an earlier build need not, once its raw rows were corrected or its SQL changed.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import col, select

from governance.files import digest_of
from governance.records import StageRun, session
from governance.settings import Settings

ONLINE = "materialise"  # from the end of this stage on, reads see the build
MADE_BY = ("check_raw", "transform")  # what was landed and kept; the code that made features of it


@dataclass(frozen=True)
class Builds:
    """``marks[i]`` names the build that was online from ``since[i]`` on."""

    since: Sequence[datetime]
    marks: Sequence[str]
    present: str  # of the feature tables as they are now

    def online_at(self, at: datetime) -> str:
        """The build that a read at ``at`` saw; the present one where no stage was recorded."""
        place = bisect_right(self.since, _utc(at)) - 1
        return self.marks[place] if place >= 0 else self.present


def read_builds(settings: Settings) -> Builds:
    """The builds of this home's record store, oldest first."""
    with session(settings) as records:
        runs = records.exec(
            select(StageRun)
            .where(col(StageRun.stage).in_((*MADE_BY, ONLINE)), StageRun.status != "failed")
            .order_by(col(StageRun.id))
        ).all()
    newest: dict[str, str] = {}
    since, marks = [], []
    for run in runs:
        if run.stage == ONLINE:
            since.append(_utc(run.recorded_at))
            marks.append(digest_of(newest))
        else:
            newest[run.stage] = run.fingerprint
    return Builds(since, marks, digest_of(newest))


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
