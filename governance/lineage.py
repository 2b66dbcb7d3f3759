"""Lineage from raw table to served feature to model, read from dbt's manifest and the bundle.

Levels, left to right: raw, staging, intermediate, mart, feature table, feature service, model.
"""

import json
from collections.abc import Sequence
from typing import Any

from governance.declarations import FeatureModel
from governance.settings import Settings

LEVELS = ("raw", "staging", "intermediate", "marts", "features", "service", "model")
_PREFIX_LEVELS = {
    "stg": "staging", "int": "intermediate", "dim": "marts", "fct": "marts", "ftr": "features",
}  # fmt: skip


def read_lineage(
    settings: Settings, models: Sequence[FeatureModel], card: dict[str, Any] | None
) -> dict[str, Any]:
    """``{"nodes": [{"name", "level"}], "edges": [[from, to]]}`` of all that reaches a feature."""
    path = settings.home_dir / "dbt" / "manifest.json"
    parents: dict[str, list[str]] = {}
    if path.is_file():
        parents = json.loads(path.read_text(encoding="utf-8"))["parent_map"]
    edges = _ancestor_edges(parents, [f"model.counterfoil.{model.name}" for model in models])
    if card is not None:
        service, version = str(card["feature_service"]), f"{card['model_name']} {card['version']}"
        edges |= {(model.name, service) for model in models} | {(service, version)}
    names = sorted({name for edge in edges for name in edge} | {model.name for model in models})
    nodes = [{"name": name, "level": _level(name, card)} for name in names]
    return {"nodes": nodes, "edges": [list(edge) for edge in sorted(edges)]}


def _ancestor_edges(parents: dict[str, list[str]], wanted: list[str]) -> set[tuple[str, str]]:
    edges: set[tuple[str, str]] = set()
    queue, seen = list(wanted), set(wanted)
    while queue:
        child = queue.pop()
        for parent in parents.get(child, []):
            edges.add((_short(parent), _short(child)))
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)
    return edges


def _short(unique_id: str) -> str:
    kind, *_, name = unique_id.split(".")
    return f"raw.{name}" if kind == "source" else name


def _level(name: str, card: dict[str, Any] | None) -> str:
    if name.startswith("raw."):
        return "raw"
    if card is not None and name == card["feature_service"]:
        return "service"
    return _PREFIX_LEVELS.get(name.split("_")[0], "model")
