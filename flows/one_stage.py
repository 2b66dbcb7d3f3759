"""One stage with its line on the console: what a Prefect task and the command line both call."""

from typing import TypedDict

from flows.console import StageLine, say
from flows.sources import source_digest
from flows.stage_list import stage_named
from flows.stages import Outcome, run_stage
from governance.settings import Settings


class StageReport(TypedDict):
    """One stage of a run, as the flow returns it."""

    stage: str
    is_unchanged: bool
    seconds: float
    summary: str
    outputs: list[str]


def one_stage(
    name: str, settings: Settings, *, source: str | None, run_name: str, is_forced: bool = False
) -> StageReport:
    """Run one stage without Prefect, with its line on the console."""
    stage = stage_named(name)
    digest = source_digest(settings, source) if name == "import_raw" else ""
    with StageLine(stage.title).shown() as line:
        outcome = run_stage(
            stage, settings, flow_run=run_name, progress=line.progress, source=source,
            source_digest=digest, is_forced=is_forced,
        )  # fmt: skip
    say(outcome.line)
    return _report(outcome)


def _report(outcome: Outcome) -> StageReport:
    return StageReport(
        stage=outcome.stage.name,
        is_unchanged=outcome.is_unchanged,
        seconds=round(outcome.seconds, 3),
        summary=outcome.state.summary,
        outputs=list(outcome.state.outputs),
    )
