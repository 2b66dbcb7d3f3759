"""The audit report: one self-contained HTML page from the audit document, and its JSON twin.

No script, no font, no image and no address from outside: the page opens from a mail attachment on
a machine without a network, and a test holds it to that.
"""

from pathlib import Path
from typing import Any

from governance.audit import audit_document, report_paths
from governance.files import write_json, write_text
from governance.html_pages import page_environment
from governance.lineage import LEVELS
from governance.settings import Settings

_COLUMN_PX, _ROW_PX, _BOX_PX, _BOX_HEIGHT_PX = 162, 26, 142, 20  # seven columns fit the page


def write_report(settings: Settings) -> tuple[dict[str, Any], Path, Path]:
    """Write report and twin from one audit document; returns it with both paths."""
    document = audit_document(settings)
    html_path, json_path = report_paths(settings)
    write_text(html_path, render(document))
    write_json(json_path, document)
    return document, html_path, json_path


def render(document: dict[str, Any]) -> str:
    """The page for an audit document; every text from data is escaped."""
    environment = page_environment(Path(__file__).parent)
    environment.filters["thousands"] = lambda value: f"{int(value):,}"
    environment.filters["figure"] = lambda value: f"{float(value):.4f}"
    page = environment.get_template("report.html.j2")
    return page.render(**document, picture=lineage_picture(document["lineage"]))


def lineage_picture(lineage: dict[str, Any]) -> dict[str, Any]:
    """Boxes and lines for the lineage drawing: one column a level, rows in name order (px)."""
    boxes: dict[str, dict[str, Any]] = {}
    rows = dict.fromkeys(LEVELS, 0)
    for node in lineage["nodes"]:
        level = node["level"]
        x, y = LEVELS.index(level) * _COLUMN_PX, 24 + rows[level] * _ROW_PX
        rows[level] += 1
        boxes[node["name"]] = {"name": node["name"], "level": level, "x": x, "y": y}
    lines = [
        {
            "x1": boxes[start]["x"] + _BOX_PX,
            "y1": boxes[start]["y"] + _BOX_HEIGHT_PX // 2,
            "x2": boxes[end]["x"],
            "y2": boxes[end]["y"] + _BOX_HEIGHT_PX // 2,
        }
        for start, end in lineage["edges"]
    ]
    return {
        "boxes": list(boxes.values()),
        "lines": lines,
        "heads": [{"name": level, "x": i * _COLUMN_PX} for i, level in enumerate(LEVELS)],
        "width": len(LEVELS) * _COLUMN_PX,
        "height": 34 + max([*rows.values(), 1]) * _ROW_PX,
        "box_width": _BOX_PX,
        "box_height": _BOX_HEIGHT_PX,
    }
