"""The sample shop on two engines: ``python -m flows.spark_demo``, or ``make demo-spark``.

Import, simulate and check a sample; build the same dbt models on DuckDB and on Spark; compare
every table row by row; then one training set from Feast's Spark store. One line a stage with its
seconds on stderr; exit code 1 when a row differs. All state is in ``spark_demo`` under the home.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import time
from pathlib import Path

from flows.active import with_shop
from flows.console import StageLine, say
from flows.importers.sample import cut_sample
from flows.ledger import exclusive
from flows.one_stage import one_stage
from flows.stage_list import Stage
from flows.stages import run_child
from governance.errors import CounterfoilError, InputError
from governance.settings import Settings, get_settings

HOUSEHOLDS = 250  # of 2,469: enough for every window to fill and empty
EVENTS_PER_HOUSEHOLD = 240
_BUILT = (
    "simulate",
    "check_raw",
    "read_texts",
    "transform",
)  # stages of the main job, skipped when unchanged
_COMPARED = (
    Stage("transform_spark", "transform Spark", (), ()),
    Stage("compare_engines", "compare", (), ()),
    Stage("training_set_spark", "training set", (), (), optimise=True),
)


def main(arguments: list[str]) -> int:
    """Run the demo; 0 when both engines agree, else the error's exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.spark_demo", description=__doc__)
    parser.add_argument("--households", type=int, default=HOUSEHOLDS, help="of the default shop")
    households = parser.parse_args(arguments).households
    try:
        refuse_without_spark()
        run(get_settings(), households=households)
    except CounterfoilError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def run(settings: Settings, *, households: int) -> Settings:
    """Every stage in order; the settings of the home that they ran in."""
    started = time.monotonic()
    demo = demo_settings(settings, households=households)
    say(f"The same models on DuckDB and on Spark, {households} households, home {demo.home_dir}")
    with exclusive(demo.home_dir):
        source = str(_sample(demo.home_dir / f"sample_{households}", households=households))
        one_stage("import_raw", demo, source=source, run_name="spark demo")
        for name in _BUILT:
            one_stage(name, demo, source=None, run_name="spark demo")
        for stage in _COMPARED:
            _run_shown(stage, demo)
    say(f"DuckDB and Spark agree on every row, {time.monotonic() - started:.0f} s in all")
    return demo


def demo_settings(settings: Settings, *, households: int) -> Settings:
    """The settings of the demo: a home of its own, the default shop, events to its size."""
    own = {
        "home": settings.home_dir / "spark_demo",
        "simulated_events": households * EVENTS_PER_HOUSEHOLD,
    }
    return with_shop(settings.model_copy(update=own), "complete_journey")


def refuse_without_spark() -> None:
    """InputError naming the first thing that is missing for Spark to run here."""
    if missing := missing_for_spark():
        raise InputError(
            "Spark cannot run here",
            where=sys.prefix,
            why=f"{missing} is missing",
            next_step="make demo-spark installs the spark extra; Java 17 comes from the system",
        )


def missing_for_spark() -> str:
    """The package or program that Spark lacks on this machine; empty when it lacks none."""
    if importlib.util.find_spec("pyspark") is None:
        return "the Python package pyspark"
    if importlib.util.find_spec("dbt.adapters.spark") is None:
        return "the Python package dbt-spark"
    has_java = shutil.which("java") or os.environ.get("JAVA_HOME")
    return "" if has_java else "Java (a program java, or JAVA_HOME)"


def _sample(folder: Path, *, households: int) -> Path:
    """Cut once; a cut that was killed leaves no folder of this name."""
    if not folder.is_dir():
        unfinished = folder.with_name(f".{folder.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        cut_sample(unfinished, households=households).rename(folder)
    return folder


def _run_shown(stage: Stage, settings: Settings) -> None:
    started = time.monotonic()
    with StageLine(stage.title).shown() as line:
        result = run_child(stage, settings, progress=line.progress, source=None)
    say(f"{stage.title:<16} {time.monotonic() - started:6.1f} s  {result.summary}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
