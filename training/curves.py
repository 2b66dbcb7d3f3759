"""Learning curves as lines for a page: places in pixels, ticks and the best epoch; no drawing.

``model_card.html.j2`` turns a panel into inline SVG, so that the page needs nothing from outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH, HEIGHT = 430, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 14, 34  # px beside the plot: room for the ticks' words
_TICKS = 4  # about so many on an axis


@dataclass(frozen=True)
class Tick:
    """A place on an axis (px) and what stands there."""

    at: float
    text: str


@dataclass(frozen=True)
class Panel:
    """One curve over epochs."""

    name: str
    points: str  # "x,y x,y", px, for a polyline
    across: list[Tick]
    up: list[Tick]
    best: tuple[float, float]  # px
    best_text: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def panels(curve: Sequence[Mapping[str, float]], *, metric: str) -> list[Panel]:
    """The loss, and where there is one the validation metric; the best epoch is marked in both."""
    if not curve:
        return []
    best = best_place(curve, metric)
    found = [_panel("loss", [epoch["loss"] for epoch in curve], curve, best)]
    if metric in curve[0]:
        name = f"validation {metric.removeprefix('validation_')}"
        found.append(_panel(name, [epoch[metric] for epoch in curve], curve, best))
    return found


def best_place(curve: Sequence[Mapping[str, float]], metric: str) -> int:
    """Where the curve is best: a loss lowest, another metric highest; last where it has none."""
    if metric not in curve[0]:
        return len(curve) - 1
    choose = min if metric.endswith("loss") else max
    return choose(range(len(curve)), key=lambda place: curve[place][metric])


def _panel(
    name: str, values: list[float], curve: Sequence[Mapping[str, float]], best: int
) -> Panel:
    epochs = [epoch["epoch"] for epoch in curve]
    ticks = _round_numbers(min(values), max(values))
    low, high = min(ticks[0], min(values)), max(ticks[-1], max(values))

    def x(epoch: float) -> float:
        share = (epoch - epochs[0]) / max(epochs[-1] - epochs[0], 1)
        return round(_LEFT + share * (WIDTH - _RIGHT - _LEFT), 1)

    def y(value: float) -> float:
        share = (value - low) / ((high - low) or 1)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP), 1)

    step = max(1, -(-len(epochs) // 10))
    return Panel(
        name=name,
        points=" ".join(f"{x(e)},{y(v)}" for e, v in zip(epochs, values, strict=True)),
        across=[Tick(x(epoch), f"{epoch:.0f}") for epoch in epochs[::step]],
        up=[Tick(y(value), f"{value:.4g}") for value in ticks],
        best=(x(epochs[best]), y(values[best])),
        best_text=f"epoch {epochs[best]:.0f}: {values[best]:.4f}",
    )


def _round_numbers(low: float, high: float) -> list[float]:
    """Round numbers from at most ``low`` to at least ``high``."""
    least = max(abs(low), abs(high)) * 1e-3  # a curve that is flatter than that is drawn flat
    rough = max(high - low, least, 1e-6) / _TICKS
    size = 10.0 ** floor(log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first = floor(low / step)
    count = floor((high - first * step) / step + 1 - 1e-9) + 1
    return [round((first + place) * step, 12) for place in range(max(count, 2))]
