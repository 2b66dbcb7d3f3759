"""Commands that look and change no data: evaluate, audit, features, models, config, doctor."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from flows.active import active_settings
from flows.console import data, say
from flows.doctor import examine
from governance.errors import GateRefused, InputError
from governance.files import canonical_json
from governance.settings import Settings, get_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout")]
features_app = typer.Typer(no_args_is_help=True, help="Declared features: ls, show.")
models_app = typer.Typer(no_args_is_help=True, help="Trained versions and releases: ls, show.")


def add_commands(app: typer.Typer) -> None:
    """Hang the looking commands on the main app."""
    for command in (evaluate, audit, config, doctor):
        app.command()(command)
    app.add_typer(features_app, name="features")
    app.add_typer(models_app, name="models")


def evaluate(
    subject: Annotated[str, typer.Argument(help="What to evaluate: recommender")],
    as_json: AsJson = False,
) -> None:
    """Measure the recommender and its floors on the weeks after the test cutoff, in one run.

    Example: counterfoil evaluate recommender --json
    """
    if subject != "recommender":
        raise InputError(
            f"nothing named {subject} can be evaluated",
            where="counterfoil evaluate SUBJECT",
            why="the subjects are: recommender",
            next_step="counterfoil evaluate recommender --json",
        )
    from flows.steps.train import measure

    figures = measure(active_settings(), say)
    _show(figures, as_json=as_json, lines=_figure_lines(figures))


def audit(as_json: AsJson = False) -> None:
    """Write the audit report anew and say where it lies; --json prints its JSON twin.

    Example: counterfoil audit --json
    """
    from governance.report import write_report

    document, html_path, _ = write_report(active_settings())
    if as_json:
        data(canonical_json(document))
    else:
        data(str(html_path))


def config(as_json: AsJson = False) -> None:
    """Print every setting, its value and where that came from.

    Example: counterfoil config
    """
    settings = get_settings()
    given = settings.model_fields_set
    rows = [
        {
            "setting": f"COUNTERFOIL_{name.upper()}",
            "value": str(getattr(settings, name)),
            "from": "environment" if name in given else "default",
        }
        for name in Settings.model_fields
    ]
    _show(rows, as_json=as_json, table=(("setting", "value", "from"), rows))


def doctor(as_json: AsJson = False) -> None:
    """Look for what usually goes wrong: Python, packages, ports, disk, state, redis-server.

    Exits with 1 when something needed is missing. Example: counterfoil doctor
    """
    findings = examine(active_settings())
    _show(findings, as_json=as_json, table=(("check", "verdict", "detail"), findings))
    if any(finding["verdict"] == "bad" for finding in findings):
        raise typer.Exit(1)


@features_app.command("ls")
def features_ls(as_json: AsJson = False) -> None:
    """List every declared feature with its table, type, default and meaning.

    Example: counterfoil features ls
    """
    from governance.declarations import read_feature_models

    rows = [
        {
            "feature": column.name,
            "table": model.name,
            "type": column.data_type,
            "default": str(column.default),
            "meaning": column.description,
        }
        for model in read_feature_models(active_settings().dbt_dir)
        for column in model.features
    ]
    _show(rows, as_json=as_json, table=(("feature", "table", "type", "default", "meaning"), rows))


@features_app.command("show")
def features_show(
    name: Annotated[str, typer.Argument(help="Feature table, e.g. ftr_user__purchases")],
    rows: Annotated[str | None, typer.Option("--rows", help="Rows of this entity id")] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows, newest first")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show a feature table's declaration, or its newest rows for one entity.

    Example: counterfoil features show ftr_user__purchases --rows 181
    """
    from flows.feature_rows import declaration_of, rows_of

    settings = active_settings()
    if rows is None:
        found = declaration_of(settings, name)
        shown = ("name", "data_type", "default", "pii", "description")
        _show(found, as_json=as_json, table=(shown, found["columns"]))
        return
    newest = rows_of(settings, name, entity_id=rows, limit=limit)
    _show(newest, as_json=as_json, lines=_stacked(newest) or [f"no row for {rows}"])


@models_app.command("ls")
def models_ls(as_json: AsJson = False) -> None:
    """List every trained version with its alias and what the gate said.

    Example: counterfoil models ls
    """
    from governance.models import list_versions

    rows = list_versions(active_settings())
    _show(rows, as_json=as_json, table=(("model", "version", "alias", "ndcg_at_10", "at"), rows))


@models_app.command("show")
def models_show(
    version: Annotated[str, typer.Argument(help="A version, or champion")] = "champion",
    as_json: AsJson = False,
) -> None:
    """Show one version's bundle: features, cutoffs, metrics, floors, digests.

    Example: counterfoil models show champion --json
    """
    from governance.models import show_version

    card = show_version(active_settings(), version)
    shown = {key: value for key, value in card.items() if not isinstance(value, list)}
    _show(card, as_json=as_json, lines=[f"{key:<20} {value}" for key, value in shown.items()])


def say_what_next(settings: Settings) -> None:
    """The end of the main job: the report to open and the question to ask."""
    from governance.models import show_version
    from serving.server import curl_to_try

    user_id = str(show_version(settings, "champion")["example_user_id"])
    data(f"report  {settings.reports_dir / 'audit.html'}")
    data("serve   .venv/bin/counterfoil serve")
    data(f"ask     {curl_to_try(settings, user_id)}")


def refuse_if_kept_back(settings: Settings) -> None:
    """The exit code of ``counterfoil release``: 1 when a new challenger was not released."""
    from governance.models import newest_release

    newest = newest_release(settings)
    if newest is None or newest.is_released:
        return
    if newest.challenger_version == newest.champion_version:
        return
    raise GateRefused(
        f"challenger {newest.challenger_version} was not released",
        where=str(settings.bundles_dir),
        why=newest.reason,
        next_step="counterfoil models ls shows all versions; the champion keeps answering",
    )


def _figure_lines(figures: dict[str, Any]) -> list[str]:
    lines = [f"recommender         {figures['recommender']['ndcg_at_10']:.4f} NDCG@10"]
    for name, floor in figures["floors"].items():
        lines.append(f"{name:<19} {floor['ndcg_at_10']:.4f} NDCG@10 (floor)")
    return lines


def _stacked(rows: list[dict[str, object]]) -> list[str]:
    """Rows as blocks of ``name  value`` lines: feature tables are wider than a terminal."""
    blocks = [[f"{name:<32} {value}" for name, value in row.items()] for row in rows]
    return [line for block in blocks for line in (*block, "")][:-1]


def _show(
    value: object,
    *,
    as_json: bool,
    table: tuple[tuple[str, ...], list[dict[str, Any]]] | None = None,
    lines: list[str] | None = None,
) -> None:
    if as_json:
        data(canonical_json(value))
        return
    for line in lines or []:
        data(line)
    if table is not None:
        names, rows = table
        shown = Table(*names, box=None, header_style="bold", pad_edge=False)
        for row in rows:
            shown.add_row(*(str(row.get(name, "")) for name in names))
        width = None if Console().is_terminal else 200
        Console(width=width, markup=False).print(shown)
