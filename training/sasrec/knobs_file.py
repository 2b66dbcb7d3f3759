"""Write a knobs file that ``--config`` reads again, each knob's effect kept beside it."""

import re
from pathlib import Path

from training.sasrec.config import SasrecSettings
from training.search_space import as_yaml

_KNOB = re.compile(r"^  (?P<name>\w+): +(?P<value>\S.*?) +# (?P<effect>.+)$")
_PART = re.compile(r"^(?P<name>\w+):")


def knobs_text(settings: SasrecSettings, *, headline: str, like: Path) -> str:
    """The settings as YAML; the words beside the knobs are those of the file ``like``."""
    effects = effects_of(like)
    lines = [f"# {headline}"]
    for part in ("network", "training"):
        lines.append(f"{part}:")
        for name, value in vars(getattr(settings, part)).items():
            lines.append(f"  {name}: {as_yaml(value)}  # {effects[name]}")
    if settings.search:
        lines.append("search:")
        lines += [f"  {name}: {found.written}" for name, found in settings.search.items()]
    return "\n".join(lines) + "\n"


def effects_of(path: Path) -> dict[str, str]:
    """What each knob does, from the comments of a knobs file; no two of its parts share a knob."""
    return {name: effect for (_, name), effect in effects_by_part(path).items()}


def effects_by_part(path: Path) -> dict[tuple[str, str], str]:
    """What each knob does, by part and knob, from the comments of a knobs file."""
    effects: dict[tuple[str, str], str] = {}
    part = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if begun := _PART.match(line):
            part = begun["name"]
        elif part != "search" and (knob := _KNOB.match(line)):
            effects[part, knob["name"]] = knob["effect"]
    return effects
