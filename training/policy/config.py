"""The knobs of a surface, and how they are read from ``surfaces.yaml``.

Every knob's effect is in the comment beside it in that file; an unknown key is an error.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import yaml

from governance.errors import InputError
from governance.files import digest_of

DEFAULT_FILE = Path(__file__).parent / "surfaces.yaml"
SURFACES = ("home", "discover", "similar", "cart", "search", "email")
_DEFAULTS = "defaults"


@dataclass(frozen=True)
class SurfacePolicy:
    """What one surface does to a ranked list; the comments are in ``surfaces.yaml``."""

    hide_bought_weeks: float = 0.0
    hide_basket: bool = True
    hide_seen: bool = True
    category_cap: int = 0
    category_level: int = -1
    mmr_lambda: float = 1.0
    fatigue_threshold: float = 3.0
    fatigue_half_life_days: float = 7.0
    explore: bool = False
    explore_place: int = 0
    explore_pool: int = 20
    signal_weight: float = 0.0

    @cached_property
    def knobs(self) -> dict[str, float | bool | str]:
        """All knobs as JSON can hold them: a number without end is ``.inf``, as in YAML."""
        return {k: ".inf" if v == float("inf") else v for k, v in asdict(self).items()}

    @classmethod
    def from_knobs(cls, knobs: Mapping[str, float | bool | str]) -> "SurfacePolicy":
        """The policy that a record holds."""
        return cls(**{k: float("inf") if v == ".inf" else v for k, v in knobs.items()})  # type: ignore[arg-type]

    @cached_property
    def digest(self) -> str:
        """One digest of all knobs, for the record of a decision."""
        return digest_of(self.knobs)


_LIMITS: Mapping[str, tuple[float, float]] = {
    "hide_bought_weeks": (0, float("inf")),
    "category_cap": (0, 1_000_000),
    "category_level": (-1, 9),
    "mmr_lambda": (0, 1),
    "fatigue_threshold": (0, 1e9),
    "fatigue_half_life_days": (1e-3, 1e6),
    "explore_place": (0, 1_000),
    "explore_pool": (1, 1_000),
    "signal_weight": (0, 1),
}


def read_policies(path: Path = DEFAULT_FILE) -> dict[str, SurfacePolicy]:
    """The policy of every surface; InputError names the knob that is wrong."""
    found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(found, dict):
        raise InputError("the surfaces are no mapping", where=str(path))
    if unknown := sorted(map(str, found.keys() - {_DEFAULTS, *SURFACES})):
        raise _refusal(path, unknown[0], f"known are {', '.join((_DEFAULTS, *SURFACES))}")
    shared = _knobs(path, _DEFAULTS, found.get(_DEFAULTS))
    return {
        surface: SurfacePolicy(**shared | _knobs(path, surface, found.get(surface)))  # type: ignore[arg-type]
        for surface in SURFACES
    }


def _knobs(path: Path, surface: str, found: object) -> dict[str, float | bool]:
    """The knobs written for one surface, each of its type and within its limits."""
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _refusal(path, surface, "it must hold knobs")
    defaults = {knob.name: knob.default for knob in fields(SurfacePolicy)}
    for key in found:
        if key not in defaults:
            raise _refusal(path, f"{surface}.{key}", f"known are {', '.join(defaults)}")
    return {
        key: _checked(path, f"{surface}.{key}", value, defaults[key])
        for key, value in found.items()
    }


def _checked(path: Path, name: str, value: object, default: object) -> float | bool:
    low, high = _LIMITS.get(name.partition(".")[2], (0, 1))
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise _refusal(path, f"{name} = {value!r}", "write true or false")
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    number = float(value) if isinstance(value, int | float) else low
    is_whole = isinstance(default, int)
    if not is_number or not low <= number <= high or (is_whole and not number.is_integer()):
        kind = "a whole number" if is_whole else "a number"
        raise _refusal(path, f"{name} = {value!r}", f"write {kind} from {low:g} to {high:g}")
    return int(number) if is_whole else number


def _refusal(path: Path, what: str, why: str) -> InputError:
    return InputError(
        f"{what} cannot be used as a surface's knob",
        where=str(path),
        why=why,
        next_step="see the comments under defaults in that file",
    )
