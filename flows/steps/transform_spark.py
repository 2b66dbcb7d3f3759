"""Transform on Spark: ``dbt build --target spark`` from the same raw views and the same models.

The views ``raw.<table>`` and ``texts.<table>`` of the warehouse are written to Parquet first, where
Spark reads them. Everything is under the home's ``spark`` folder and is made anew each time.
"""

import shutil
from collections import Counter

import duckdb

from flows.importers.source_files import quoted
from flows.stages import Progress, StepResult
from flows.steps.transform import dbt_build, refuse_failures, run_results
from flows.text_tables import TABLES
from governance.declarations import read_raw_tables
from governance.settings import Settings


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Export the raw views, build and test every model on Spark; the first failures are raised."""
    shutil.rmtree(settings.spark_dir, ignore_errors=True)
    for folder in ("raw", "texts", "tables", "scratch"):
        (settings.spark_dir / folder).mkdir(parents=True)
    _export_sources(settings, progress)
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


def _export_sources(settings: Settings, progress: Progress) -> None:
    names = [f"raw.{table.name}" for table in read_raw_tables(settings.dbt_dir)]
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        for name in (*names, *(f"texts.{table}" for table in TABLES)):
            progress(f"{name} to Parquet")
            path = quoted(settings.spark_dir / f"{name.replace('.', '/')}.parquet")
            warehouse.execute(f"copy (select * from {name}) to {path}").fetchall()
