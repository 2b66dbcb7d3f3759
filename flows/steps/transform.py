"""Transform: ``dbt build`` from the raw views to marts and feature tables, in dbt's own process."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from flows import rebuild
from flows.ledger import code_digest
from flows.stages import Progress, StepResult
from flows.text_tables import define_views
from governance.declarations import read_feature_models
from governance.errors import GateRefused, StageFailed
from governance.records import Transformation, session
from governance.settings import Settings

_SHOWN_FAILURES = 5  # the log has the rest


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Run ``dbt build`` on what changed; record each node's outcome; failures become the error."""
    started = time.monotonic()
    models = read_feature_models(settings.dbt_dir)
    settings.features_dir.mkdir(parents=True, exist_ok=True)
    target_dir = settings.home_dir / "dbt"
    define_views(settings)
    rebuild_from = rebuild.first_day_to_rebuild(settings)
    rebuild.forget(settings)
    only = ("--vars", json.dumps({"rebuild_from": str(rebuild_from)})) if rebuild_from else ()
    code = dbt_build(settings, target_dir, progress, *only)
    results = run_results(target_dir / "run_results.json")
    refuse_failures(results, code, settings.logs_dir / "transform.log")
    rebuild.remember(settings)
    seconds = time.monotonic() - started
    outcomes = dict(Counter(str(node["status"]) for node in results))
    rows = {model.name: _rows(settings.features_dir / f"{model.name}.parquet") for model in models}
    with session(settings) as records:
        records.add(
            Transformation(
                invocation_id=_invocation_id(target_dir / "run_results.json"),
                inputs_sha256=code_digest(settings.dbt_dir),
                seconds=round(seconds, 3),
                outcomes=outcomes,
                rows=rows,
            )
        )
    outputs = [settings.features_dir / f"{model.name}.parquet" for model in models]
    total = sum(outcomes.values())
    since = f" since {rebuild_from}" if rebuild_from else ""
    return StepResult(
        f"{total} dbt nodes{since}, {sum(rows.values()):,} feature rows -> {settings.features_dir}",
        (*outputs, settings.warehouse_path, target_dir / "manifest.json"),
        {"outcomes": outcomes, "rows": rows, "rebuilt_from": str(rebuild_from or "")},
    )


def dbt_build(settings: Settings, target_dir: Path, progress: Progress, *options: str) -> int:
    """Run ``dbt build`` with ``options`` in a process of its own; its exit code."""
    shutil.rmtree(target_dir / "partial", ignore_errors=True)
    dbt = Path(sys.executable).with_name("dbt")
    command = [
        str(dbt), "--no-use-colors", "build", "--project-dir", str(settings.dbt_dir),
        "--profiles-dir", str(settings.dbt_dir), "--target-path", str(target_dir),
        "--log-path", str(settings.logs_dir / "dbt"), *options,
    ]  # fmt: skip
    environment = {**os.environ, **settings.as_env()}
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        close_fds=False,  # the lock of the home folder
    ) as child:  # fmt: skip
        try:
            for line in child.stdout or ():
                sys.stderr.write(line)
                if " OK " in line or " PASS " in line:
                    progress(" ".join(line.split()[1:8]))
        except BaseException:
            child.terminate()
            raise
    return child.returncode


def run_results(path: Path) -> list[dict[str, object]]:
    """What became of each node; empty where dbt left no file."""
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["results"])
    except (FileNotFoundError, ValueError, KeyError):
        return []


def _invocation_id(path: Path) -> str:
    return str(json.loads(path.read_text(encoding="utf-8"))["metadata"]["invocation_id"])


def refuse_failures(results: list[dict[str, object]], code: int, log_path: Path) -> None:
    """The first failures of a build as an error; nothing for a build that ended well."""
    bad = [node for node in results if node["status"] in {"error", "fail", "runtime error"}]
    if bad:
        rows = [
            (str(node["status"]), f"{node['unique_id']}: {str(node['message']).splitlines()[0]}")
            for node in bad[:_SHOWN_FAILURES]
        ]
        raise GateRefused(
            f"dbt build failed: {len(bad)} of {len(results)} nodes",
            where=str(log_path),
            rows=rows,
            next_step="mend the model or its test; running again goes on from this stage",
        )
    if code != 0 or not results:
        raise StageFailed(
            "dbt build did not run to its end",
            where=str(log_path),
            why=f"dbt ended with exit code {code}",
            next_step="read the log; running again goes on from this stage",
        )


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.ParquetFile(path).metadata.num_rows)
