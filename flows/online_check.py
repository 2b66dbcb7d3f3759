"""``counterfoil features check``: the step check_online, run alone in a child process.

A child, because Feast imports in half the time under ``python -O``, and because the step is then
the very one that the daily flow runs.
"""

import json
from typing import Any

from flows.console import StageLine
from flows.ledger import exclusive
from flows.stage_list import stage_named
from flows.stages import run_child
from governance.errors import GateRefused
from governance.settings import Settings


def check_online(
    settings: Settings, *, sample: int
) -> tuple[dict[str, Any] | None, GateRefused | None]:
    """The report of ``sample`` reads, and the refusal if any value differed."""
    settings = settings.model_copy(update={"checked_reads": sample})
    path = settings.reports_dir / "online_check.json"
    path.unlink(missing_ok=True)
    stage = stage_named("check_online")
    error = None
    with exclusive(settings.home_dir), StageLine(stage.title).shown() as line:
        try:
            run_child(stage, settings, progress=line.progress, source=None)
        except GateRefused as refused:
            error = refused
    report = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return report, error
