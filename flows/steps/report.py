"""Report: the audit page and its JSON twin, written anew on every run."""

from flows.stages import Progress, StepResult
from governance.report import write_report
from governance.settings import Settings


def run(settings: Settings, _progress: Progress, _source: str | None = None) -> StepResult:
    """Write the report from the records as they stand now."""
    document, html_path, json_path = write_report(settings)
    return StepResult(
        f"{len(document['stages'])} stages, {len(document['contracts'])} contracts -> {html_path}",
        (html_path, json_path),
    )
