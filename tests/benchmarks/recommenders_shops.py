"""A home to measure baskets in: one that is there, or one built from a file of invoices.

The recommender that is measured is the product's own, so the file goes the product's own way:
``counterfoil import`` and ``counterfoil build`` into a home of the benchmark's.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from recommenders_protocols import threads

from flows.active import with_shop
from governance.errors import InputError, StageFailed
from governance.settings import PROJECT_ROOT, Settings
from training.shop_data import Lines
from training.windows import WEEK, Calendar, default_calendar, instant

DEFAULT_CUTOFF = "2011-10-15"  # of the published protocol on invoices; used where orders lie around
DEFAULT_SHOP = "complete_journey"
_QUICK_EVENTS = 60_000  # simulated shopper events of a home built for a rough figure


def settings_of(home: Path) -> Settings:
    """The settings of a home and the shop that it holds."""
    settings = Settings(home=home.resolve(), threads=threads())
    chosen = home / "shop.json"
    if not chosen.is_file():
        return settings
    return with_shop(settings, json.loads(chosen.read_text(encoding="utf-8"))["shop"])


def is_built(home: Path) -> bool:
    """Has a build in this home come as far as checked features?"""
    return (home / "stages" / "check_features.json").is_file()


def holds_default_shop(home: Path) -> bool:
    """Is the default shop built in this home?"""
    return is_built(home) and settings_of(home).shop == DEFAULT_SHOP


def built_home(home: Path, *, invoices: Path | None, quick: bool) -> Path:
    """A home with ``invoices``, or with the default shop; stages that are done are skipped."""
    source = ["online_retail", "--source", str(invoices)] if invoices else [DEFAULT_SHOP]
    env = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERFOIL_")}
    env |= {"COUNTERFOIL_HOME": str(home.resolve()), "COUNTERFOIL_THREADS": str(threads())}
    if quick:
        env["COUNTERFOIL_SIMULATED_EVENTS"] = str(_QUICK_EVENTS)
    for arguments in (["import", *source], ["build"]):
        command = [sys.executable, "-m", "flows.cli", *arguments]
        done = subprocess.run(
            command, cwd=PROJECT_ROOT, env=env, stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode != 0:
            raise StageFailed(
                f"counterfoil {arguments[0]} ended with {done.returncode}",
                where=str(home),
                why="what it said stands above",
                next_step="mend what it names; the next run goes on from the last good stage",
            )
    return home


def calendar_of(lines: Lines, cutoff: str | None) -> Calendar:
    """Windows before a test that begins at ``cutoff`` and goes on to the last order.

    Without a cutoff: the published one where orders lie on both sides of it by more than the
    windows need, else the last weeks, as ``counterfoil evaluate`` has it.
    """
    wanted = _day(cutoff or DEFAULT_CUTOFF)
    first, last = (instant(int(at)) for at in (lines.at_us.min(), lines.at_us.max()))
    usual = default_calendar(lines)
    needed = usual.test.cutoff - usual.train[0].cutoff
    if first + needed < wanted <= last:
        weeks = int(np.ceil((last - wanted) / WEEK)) or 1
        return Calendar(as_of=wanted + weeks * WEEK, test_weeks=weeks)
    if cutoff is None:
        return usual
    raise InputError(
        f"nothing can be measured at the cutoff {cutoff}",
        where="--cutoff",
        why=f"orders go from {first:%Y-%m-%d} to {last:%Y-%m-%d} and {needed.days} days teach",
        next_step="name a day within them",
    )


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise InputError(
            f"the cutoff {text} is no day", where="--cutoff", next_step="write it as 2011-10-15"
        ) from None
