"""Every command has help with an example, stands in the README, and fails in one clear way."""

import click
import pytest
import typer
from typer.testing import CliRunner

from flows.cli import app
from governance.settings import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text()
runner = CliRunner()


def commands():
    def walk(command, path):
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            for name, child in command.commands.items():
                yield from walk(child, [*path, name])
        else:
            yield " ".join(path), command

    found = dict(walk(typer.main.get_command(app), []))
    assert len(found) >= 17
    return found


@pytest.mark.parametrize("name", commands())
def test_the_help_of_a_command_has_an_example_of_it(name):
    text = commands()[name].help
    assert f"Example: counterfoil {name}" in " ".join(text.split())


@pytest.mark.parametrize("name", commands())
def test_the_readme_names_the_command(name):
    assert f"counterfoil {name}" in README


@pytest.mark.parametrize("name", commands())
def test_help_is_printed_and_ends_well(name):
    result = runner.invoke(app, [*name.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output
