"""Check online: what predictors read, and what they would read now, against the feature tables.

``counterfoil features check`` runs this step with a sample of its own.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from feature_repo.consistency import FeatureTally, Read, check_reads
from feature_repo.sampled_reads import live_reads, logged_reads
from flows.stages import Progress, StepResult
from governance.declarations import read_feature_models
from governance.errors import ContractFailed
from governance.files import write_json
from governance.settings import Settings

REPORT_NAME = "online_check.json"
CHECKS = {
    "mismatch": "online = offline",
    "missing": "online has it",
    "extra": "offline has it",
}


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Compare as many reads as the settings say; a difference in any of them stops the flow."""
    sample = settings.checked_reads
    progress("taking logged reads, and live ones")
    logged = logged_reads(settings, sample=sample)
    of_this_build = sum(not read.is_superseded for read in logged.reads)
    live = live_reads(settings, sample=sample - of_this_build, now=datetime.now(UTC))
    progress(f"asking offline for {len(logged.reads) + len(live):,} reads")
    reads = (*logged.reads, *live)
    tallies = check_reads(reads, settings)
    report = _report(reads, tallies, set_aside=logged.set_aside)
    path = settings.reports_dir / REPORT_NAME
    write_json(path, report)
    _refuse_differences(tallies, settings, path)
    return StepResult(f"{report['sentence']} -> {path}", (path,), {"reads": report["reads"]})


def _report(
    reads: Sequence[Read], tallies: Sequence[FeatureTally], *, set_aside: int
) -> dict[str, object]:
    logged = [read for read in reads if read.origin == "logged"]
    return {
        "sentence": _sentence(reads, tallies),
        "reads": {
            "logged": len(logged),
            "superseded": sum(read.is_superseded for read in logged),
            "live": len(reads) - len(logged),
            "decisions_set_aside": set_aside,
        },
        "features": [
            {
                "feature": one.feature,
                "view": one.view,
                "compared": one.compared,
                "mismatch": one.mismatch,
                "missing": one.missing,
                "extra": one.extra,
                "superseded": one.superseded,
                "max_difference": one.max_difference,
            }
            for one in tallies
        ],
        "samples": [
            {
                "feature": difference.feature,
                "kind": difference.kind,
                "entity": difference.read.entity,
                "id": difference.read.entity_id,
                "read_at": difference.read.at.as_dict(),
                "origin": difference.read.origin,
                "online": difference.online,
                "offline": difference.offline,
            }
            for one in tallies
            for difference in one.samples
        ],
    }


def _sentence(reads: Sequence[Read], tallies: Sequence[FeatureTally]) -> str:
    values = sum(one.compared for one in tallies)
    bad = sum(one.bad for one in tallies)
    superseded = sum(one.superseded for one in tallies)
    logged = sum(read.origin == "logged" for read in reads)
    found = f"{bad:,} of {values:,} values differ" if bad else f"{values:,} values equal offline"
    aside = f", {superseded:,} more in reads of earlier builds" if superseded else ""
    if not bad and superseded:
        found, aside = f"{values - superseded:,} of {found}", f"; {superseded:,} superseded"
    return f"{found}{aside}: {logged:,} logged reads, {len(reads) - logged:,} live"


def _refuse_differences(
    tallies: Sequence[FeatureTally], settings: Settings, report_path: Path
) -> None:
    bad = [one for one in tallies if one.bad]
    if not bad:
        return
    failures = [
        (one.feature, CHECKS[kind], getattr(one, kind), _first(one, kind))
        for one in bad
        for kind in CHECKS
        if getattr(one, kind)
    ]
    first = bad[0].samples[0]
    model = next(m for m in read_feature_models(settings.dbt_dir) if m.name == bad[0].view)
    raise ContractFailed(
        f"online features are not the offline ones: {len(bad)} of {len(tallies)} features,"
        f" {sum(one.bad for one in bad):,} of {sum(one.compared for one in tallies):,} values",
        failures=failures,
        where=str(report_path),
        rows=[("declared", f"{model.path}:{model.line}"), ("made by", str(model.sql_path))],
        next_step=f"counterfoil features show {model.name} --rows {first.read.entity_id};"
        " counterfoil build --force fills the online store anew",
    )


def _first(one: FeatureTally, kind: str) -> str:
    return next((str(sample) for sample in one.samples if sample.kind == kind), "")
