"""YAML that remembers its lines, so that a wrong declaration is an error with file and line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from governance.errors import InputError


class Lined(dict[str, object]):
    """A mapping that knows the line it starts on, and the line of each of its keys."""

    def __init__(
        self,
        fields: Mapping[str, object] | None = None,
        *,
        line: int = 0,
        lines: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(fields or {})
        self.line = line
        self.lines = lines or {}


class LineLoader(yaml.SafeLoader):
    """YAML whose mappings are :class:`Lined`, and whose keys are written once."""


def _lined_mapping(loader: LineLoader, node: yaml.MappingNode) -> Lined:
    lines: dict[str, int] = {}
    for key_node, _ in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in lines and key != "<<":
            why = f"{key} is written twice in one mapping, on lines {lines[key]} and {line}"
            raise yaml.constructor.ConstructorError(None, None, why, key_node.start_mark)
        lines[key] = line
    fields = {str(k): v for k, v in loader.construct_mapping(node, deep=True).items()}
    return Lined(fields, line=node.start_mark.line + 1, lines=lines)


LineLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _lined_mapping)


@dataclass(frozen=True)
class Node:
    """A mapping of a YAML file: reads fields, and complains with file and line.

    ``subject`` is what it declares, a table or a column; ``key_line`` is the line of the key that
    the mapping stands under, or should.
    """

    fields: Lined
    path: Path
    subject: str = "?"
    key_line: int = 0

    @property
    def line(self) -> int:
        return self.key_line or self.fields.line

    def child(self, *keys: str) -> "Node":
        """The mapping under ``keys``, one below the other; an empty one if there is none."""
        node = self
        for key in keys:
            below = node.fields.get(key)
            fields = below if isinstance(below, Lined) else Lined()
            line = node.fields.lines.get(key, node.line)
            node = Node(fields, self.path, self.subject, key_line=line)
        return node

    @property
    def meta(self) -> "Node":
        return self.child("config", "meta")

    @property
    def columns(self) -> tuple["Node", ...]:
        """The mappings under ``columns``, each about the column that it names."""
        return tuple(
            Node(column, self.path, str(column.get("name", f"a column of {self.subject}")))
            for column in dicts(self.fields.get("columns"))
        )

    def text(self, key: str, default: str | None = None, *, like: str = "...") -> str:
        value = self.fields.get(key, default)
        if value is None or value == "":
            raise self.error(f"{key} is missing", f"write {key}: {like}")
        return str(value).strip()

    def strings(self, key: str) -> tuple[str, ...]:
        value = self.fields.get(key)
        if value is None:
            return ()
        return tuple(map(str, value)) if isinstance(value, list) else (str(value),)

    def number(self, key: str) -> float | None:
        value = self.fields.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(f"{key} {value} is no number", f"write {key}: 0", key=key)
        return float(value)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.fields.get(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{key} {value} is neither true nor false", f"{key}: true", key=key)
        return value

    def refuse_other_keys(self, known: tuple[str, ...]) -> None:
        """A misspelt key must not be ignored in silence."""
        for key in self.fields:
            if key not in known:
                why = f"{key} means nothing here"
                raise self.error(why, f"take it out, or write one of {', '.join(known)}", key=key)

    def error(self, why: str, next_step: str, *, key: str = "") -> InputError:
        """One wrong thing; on the line of ``key`` where the mapping has it."""
        line = self.fields.lines.get(key, self.line)
        return InputError(
            f"declaration of {self.subject} is wrong",
            where=f"{self.path}:{line}",
            why=why,
            next_step=next_step,
        )


def entries(path: Path, key: str) -> list[Lined]:
    """The mappings of the list under ``key`` in a YAML file."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=LineLoader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        why = getattr(error, "problem", None) or str(error).replace("\n", " ")
        raise InputError(
            f"{path.name} is not YAML", where=where, why=why, next_step="mend that line"
        ) from None
    return dicts(document.get(key)) if isinstance(document, dict) else []


def dicts(value: object) -> list[Lined]:
    """The mappings of a list; of anything else, none."""
    return [entry for entry in value if isinstance(entry, Lined)] if isinstance(value, list) else []
