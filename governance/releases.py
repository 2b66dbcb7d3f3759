"""Releases: which version of a model answers, and the gate a challenger has to pass.

The gate is pure; the champion is read from the append-only records: the newest release that was
granted. Serving asks :func:`champion_version` and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import desc, select

from governance.errors import StateError
from governance.records import Release, session
from governance.settings import Settings

KNOWN_USERS = "known users"  # of the champion, who must not lose by a network taught on
GATE_METRIC = "ndcg_at_10"  # position-aware, over full rankings; the floors are stated in it
OTHER_WEEKS = 0.02  # of a lift: two windows of equal models differ by as much; a choice


@dataclass(frozen=True)
class Verdict:
    """What the gate said, why, and the figures it compared."""

    is_released: bool
    reason: str
    comparison: dict[str, float]


def decide(
    *,
    challenger: float,
    champion: float | None,
    floors: dict[str, float],
    is_same_version: bool = False,
    known_users: Mapping[str, Any] | None = None,
) -> Verdict:
    """Release only what beats the champion and every floor; all figures are GATE_METRIC.

    ``champion`` is what :func:`bar_of` says.

    ``known_users`` is the card's ``continual`` part of a challenger that was held against the
    champion's network: what the users known to that one got from both.
    """
    figures = {"challenger": challenger, **{f"floor {k}": v for k, v in floors.items()}}
    if known_users is not None:
        names = ("champion", "warm", "scratch", "tolerance")
        found = {name: known_users[name] for name in names if known_users[name] is not None}
        figures |= {f"{KNOWN_USERS} {name}": float(value) for name, value in found.items()}
    if champion is not None:
        figures["champion"] = champion
    if is_same_version:
        return _kept("the challenger is the champion: nothing to release", figures)
    if known_users is not None and (reason := _loss_of(known_users)):
        return _kept(reason, figures)
    for name, floor in floors.items():
        if not challenger > floor:
            reason = f"{GATE_METRIC} {challenger:.4f} does not beat the floor {name} {floor:.4f}"
            return _kept(reason, figures)
    if champion is not None and not challenger > champion:
        reason = f"{GATE_METRIC} {challenger:.4f} does not beat the champion's {champion:.4f}"
        return _kept(reason, figures)
    against = "every floor" if champion is None else "the champion and every floor"
    reason = f"{GATE_METRIC} {challenger:.4f} beats {against}"
    return Verdict(is_released=True, reason=reason, comparison=figures)


def bar_of(champion: Mapping[str, Any], challenger: Mapping[str, Any]) -> float:
    """What the champion's card asks of the challenger's, in GATE_METRIC.

    Judged on other weeks their figures do not compare: one easy month would keep all that come
    later back. Then it asks for the champion's lift over its best floor, on the challenger's weeks,
    less ``OTHER_WEEKS``.
    """
    reached = float(champion["metrics"][GATE_METRIC])
    if champion["cutoffs"]["test"] == challenger["cutoffs"]["test"]:
        return reached
    before, now = (
        max(float(floor[GATE_METRIC]) for floor in card["floors"].values())
        for card in (champion, challenger)
    )
    return now * reached / before * (1 - OTHER_WEEKS) if before else reached


def _loss_of(known_users: Mapping[str, Any]) -> str:
    """Why users known to the champion lose too much by the challenger; empty where they do not."""
    before, now = known_users["champion"], known_users["challenger"]
    if now >= before * (1 - known_users["tolerance"]):
        return ""
    return (
        f"{known_users['users']:,} {KNOWN_USERS} would fall from {GATE_METRIC} {before:.4f} to "
        f"{now:.4f}, by more than {known_users['tolerance']:.0%}"
    )


def _kept(reason: str, figures: dict[str, float]) -> Verdict:
    return Verdict(is_released=False, reason=reason, comparison=figures)


def latest_release(settings: Settings, model_name: str) -> Release | None:
    """The newest release that was granted to ``model_name``, or None."""
    query = (
        select(Release)
        .where(Release.model_name == model_name, Release.is_released)
        .order_by(desc(Release.id))
        .limit(1)
    )
    with session(settings) as records:
        return records.exec(query).first()


def champion_version(settings: Settings, model_name: str) -> str | None:
    """The version that answers now, or None before the first release."""
    release = latest_release(settings, model_name)
    return None if release is None else release.challenger_version


def champion_dir(settings: Settings, model_name: str) -> Path:
    """The bundle folder of the champion; StateError where there is none yet."""
    version = champion_version(settings, model_name)
    folder = settings.bundles_dir / model_name / (version or "none")
    if version is None or not folder.is_dir():
        raise StateError(
            f"model {model_name} has no released version",
            where=str(settings.bundles_dir / model_name),
            why="no release has been granted" if version is None else f"{folder} is missing",
            next_step="counterfoil demo trains and releases one",
        )
    return folder
