"""What a shop's importer hands to the landing: one SELECT in the shape of a raw table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RawSelect:
    """``sql`` gives the rows of raw ``table``; ``source_sha256`` covers every file it reads."""

    table: str
    sql: str
    source: str
    source_sha256: str
