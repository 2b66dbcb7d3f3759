"""YAML that remembers its lines, so that a wrong declaration is an error with file and line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from governance.errors import InputError


class LineLoader(yaml.SafeLoader):
    """YAML whose mappings remember the line they start on, under ``__line__``."""


def _mapping_with_line(loader: LineLoader, node: yaml.MappingNode) -> dict[str, object]:
    mapping = {str(k): v for k, v in loader.construct_mapping(node, deep=True).items()}
    return mapping | {"__line__": node.start_mark.line + 1}


LineLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_with_line)


@dataclass(frozen=True)
class Node:
    """A YAML mapping with its file: reads fields, and complains with file and line."""

    fields: Mapping[str, object]
    path: Path

    @property
    def line(self) -> int:
        return int(str(self.fields.get("__line__", 0)))

    @property
    def meta(self) -> "Node":
        config = self.fields.get("config")
        meta = config.get("meta") if isinstance(config, dict) else None
        return Node(meta if isinstance(meta, dict) else {}, self.path)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.fields.get(key, default)
        if value is None or value == "":
            raise self.error(f"{key} is missing", f"write {key}: ...")
        return str(value).strip()

    def strings(self, key: str) -> tuple[str, ...]:
        value = self.fields.get(key)
        if value is None:
            return ()
        return tuple(map(str, value)) if isinstance(value, list) else (str(value),)

    def number(self, key: str) -> float | None:
        value = self.fields.get(key)
        return None if value is None else float(str(value))

    def error(self, why: str, next_step: str) -> InputError:
        name = self.fields.get("name", "?")
        where = f"{self.path}:{self.line}"
        return InputError(
            f"declaration of {name} is wrong", where=where, why=why, next_step=next_step
        )


def entries(path: Path, key: str) -> list[dict[str, object]]:
    """The mappings of the list under ``key`` in a YAML file."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=LineLoader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as error:
        raise InputError(
            f"{path.name} is not YAML", where=str(path), why=str(error).replace("\n", " ")
        ) from None
    return dicts(document.get(key)) if isinstance(document, dict) else []


def dicts(value: object) -> list[dict[str, object]]:
    """The mappings of a list; of anything else, none."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
