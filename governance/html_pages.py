"""How the HTML pages of the platform are made from templates: every text from data is escaped.

A name that a template asks for and nobody gave is an error. The audit report and the model card
are such pages; each brings its own template and filters.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape


def page_environment(folder: Path) -> Environment:
    """Where templates of a folder are read; the caller adds its filters."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
