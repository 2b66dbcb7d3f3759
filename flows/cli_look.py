"""Commands that look and change no data: evaluate, audit, models, config, doctor."""

import shlex
from typing import Annotated, Any

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from flows.console import data, say
from flows.doctor import examine
from governance.errors import GateRefused, InputError
from governance.files import canonical_json
from governance.settings import Settings, get_settings, without_password

models_app = typer.Typer(no_args_is_help=True, help="Trained versions and releases: ls, show.")


def add_commands(app: typer.Typer) -> None:
    """Hang the looking commands on the main app."""
    for command in (evaluate, audit, config, doctor):
        app.command()(command)
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
    show(figures, as_json=as_json, lines=_figure_lines(figures))


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


def config(
    as_json: AsJson = False,
    export: Annotated[bool, typer.Option("--export", help="As exports of a shell")] = False,
) -> None:
    """Print every setting, its value and where that came from.

    Example: counterfoil config; dbt and feast by hand: eval "$(counterfoil config --export)"
    """
    settings = get_settings()
    if export:
        for name, value in settings.as_env().items():
            data(f"export {name}={shlex.quote(value)}")
        return
    given = settings.model_fields_set
    rows = [
        {
            "setting": f"COUNTERFOIL_{name.upper()}",
            "value": without_password(str(getattr(settings, name))),
            "from": "environment" if name in given else "default",
        }
        for name in Settings.model_fields
    ]
    show(rows, as_json=as_json, table=(("setting", "value", "from"), rows))


def doctor(as_json: AsJson = False) -> None:
    """Look for what usually goes wrong: Python, packages, ports, disk, state, redis-server.

    Exits with 1 when something needed is missing. Example: counterfoil doctor
    """
    findings = examine(active_settings())
    show(findings, as_json=as_json, table=(("check", "verdict", "detail"), findings))
    if any(finding["verdict"] == "bad" for finding in findings):
        raise typer.Exit(1)


@models_app.command("ls")
def models_ls(as_json: AsJson = False) -> None:
    """List every trained version with its alias, its NDCG@10 and when it was recorded.

    Example: counterfoil models ls
    """
    from governance.models import list_versions

    rows = list_versions(active_settings())
    show(rows, as_json=as_json, table=(("model", "version", "alias", "ndcg_at_10", "at"), rows))


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
    show(card, as_json=as_json, lines=[f"{key:<20} {value}" for key, value in shown.items()])


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
