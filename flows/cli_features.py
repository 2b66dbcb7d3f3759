"""Commands about declared features: features ls, show, plan, check, and new-feature."""

from typing import Annotated

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from flows.console import data, say

features_app = typer.Typer(no_args_is_help=True, help="Declared features: ls, show, plan, check.")


def add_commands(app: typer.Typer) -> None:
    """Hang the feature commands on the main app."""
    app.add_typer(features_app, name="features")
    app.command("new-feature")(new_feature)


@features_app.command("ls")
def features_ls(as_json: AsJson = False) -> None:
    """List every declared feature with its table, type, default, services and meaning.

    Example: counterfoil features ls
    """
    from feature_repo.services import services_of
    from governance.declarations import read_feature_models

    rows = [
        {
            "feature": column.name,
            "table": model.name,
            "type": column.data_type,
            "default": str(column.default),
            "services": ", ".join(services_of(model.name, column.name)) or "none",
            "meaning": column.description,
        }
        for model in read_feature_models(active_settings().dbt_dir)
        for column in model.features
    ]
    columns = ("feature", "table", "type", "default", "services", "meaning")
    show(rows, as_json=as_json, table=(columns, rows))


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
        shown = ("name", "data_type", "default", "pii", "services", "description")
        columns = [row | {"services": ", ".join(row["services"])} for row in found["columns"]]
        show(found, as_json=as_json, table=(shown, columns))
        return
    newest = rows_of(settings, name, entity_id=rows, limit=limit)
    show(newest, as_json=as_json, lines=_stacked(newest) or [f"no row for {rows}"])


@features_app.command("check")
def features_check(
    sample: Annotated[int | None, typer.Option(min=1, help="Reads to compare")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare what predictors read online with what offline knew at that instant.

    Exits with 1 when a value differs. Example: counterfoil features check --sample 1000
    """
    from flows.online_check import check_online

    settings = active_settings()
    report, error = check_online(settings, sample=sample or settings.checked_reads)
    if report is not None:
        names = ("feature", "compared", "mismatch", "missing", "extra", "superseded")
        shown = (*names, "max_difference")
        table = (shown, report["features"])
        show(report, as_json=as_json, table=table)
        if not as_json:
            data(report["sentence"])
    if error is not None:
        raise error


@features_app.command("plan")
def features_plan(as_json: AsJson = False) -> None:
    """List what the declarations would change, and whether that breaks a released model.

    Exits with 1 when it does. Example: counterfoil features plan
    """
    from flows.feature_plan import as_table, changes_of, refuse_breaking

    changes = changes_of(active_settings())
    nothing = ["nothing would change: what is declared is what was last applied"]
    columns = ("change", "name", "what", "services", "breaking")
    table = (columns, as_table(changes)) if changes else None
    show({"changes": changes}, as_json=as_json, lines=[] if changes else nothing, table=table)
    refuse_breaking(changes)


def new_feature(
    entity: Annotated[str, typer.Argument(help="user, item, or user,item")],
    topic: Annotated[str, typer.Argument(help="What it is about, e.g. returns")],
) -> None:
    """Write the stubs of a new feature table, .sql and .yml: a working example to edit.

    Example: counterfoil new-feature user returns
    """
    from flows.new_feature import write_stubs

    sql, yml = write_stubs(active_settings().dbt_dir, entity=entity, topic=topic)
    data(f"{sql}\n{yml}")
    say(f"1. Say what is counted, by day, in {sql.name}; windows follow from `measures`.")
    say(f"2. Declare each feature in {yml.name} and expect it in a unit test there.")
    say("3. Name the features in a service of feature_repo/definitions.py; counterfoil build.")


def _stacked(rows: list[dict[str, object]]) -> list[str]:
    """Rows as blocks of ``name  value`` lines: feature tables are wider than a terminal."""
    blocks = [[f"{name:<32} {value}" for name, value in row.items()] for row in rows]
    return [line for block in blocks for line in (*block, "")][:-1]
