"""Transform on Spark: ``dbt build --target spark`` from the same raw views and the same models.

The views ``raw.<table>`` of the warehouse are written to Parquet first, where Spark reads them.
Everything is under the home's ``spark`` folder and is made anew each time.
"""

import shutil
from collections import Counter
from pathlib import Path

import duckdb

from flows.importers.source_files import quoted
from flows.stages import Progress, StepResult
from flows.steps.transform import dbt_build, refuse_failures, run_results
from governance.declarations import read_raw_tables
from governance.settings import Settings


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Export the raw views, build and test every model on Spark; the first failures are raised."""
    shutil.rmtree(settings.spark_dir, ignore_errors=True)
    for folder in ("raw", "tables", "scratch"):
        (settings.spark_dir / folder).mkdir(parents=True)
    _export_raw(settings, settings.spark_dir / "raw", progress)
    target_dir = settings.spark_dir / "dbt"
    code = dbt_build(settings, target_dir, progress, "--target", "spark")
    results = run_results(target_dir / "run_results.json")
    refuse_failures(results, code, settings.logs_dir / "transform_spark.log")
    kinds = Counter(str(node["unique_id"]).split(".")[0] for node in results)
    return StepResult(
        f"{kinds['model']} models, {kinds['test']} tests, {kinds['unit_test']} unit tests"
        f" -> {settings.spark_dir / 'tables'}",
        (target_dir / "run_results.json",),
        {"outcomes": dict(Counter(str(node["status"]) for node in results))},
    )


def _export_raw(settings: Settings, folder: Path, progress: Progress) -> None:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        for table in read_raw_tables(settings.dbt_dir):
            progress(f"raw {table.name} to Parquet")
            path = quoted(folder / f"{table.name}.parquet")
            warehouse.execute(f"copy (select * from raw.{table.name}) to {path}").fetchall()
