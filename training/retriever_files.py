"""A retriever as one safetensors file: its fields, arrays as they are and numbers as 0-d arrays.

Nothing is pickled; what a file means is decided by the class that reads it.
"""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from safetensors.numpy import load_file, save_file

from governance.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Kind = TypeVar("Kind", bound="DataclassInstance")


def save_retriever(path: Path, retriever: "DataclassInstance") -> None:
    """Write every field of a retriever of arrays and numbers."""
    values = {part.name: getattr(retriever, part.name) for part in fields(retriever)}
    save_file({name: np.ascontiguousarray(value) for name, value in values.items()}, path)


def load_retriever(path: Path, kind: type[Kind]) -> Kind:
    """Read what :func:`save_retriever` wrote; other fields than the class has are an error."""
    found = load_file(path)
    if unlike := sorted(found.keys() ^ {part.name for part in fields(kind)}):
        raise InputError(
            f"the file is no {kind.__name__}",
            where=str(path),
            why=f"field {unlike[0]} is only on one side",
            next_step="counterfoil train",
        )
    numbers = {part.name for part in fields(kind) if part.type in (int, float, "int", "float")}
    values = {n: v.reshape(-1)[0].item() if n in numbers else v for n, v in found.items()}
    return kind(**values)
