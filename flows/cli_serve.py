"""Commands that answer: serve, predict, explain."""

from typing import Annotated

import typer

from flows.active import active_settings
from flows.console import data
from governance.files import canonical_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout")]


def add_commands(app: typer.Typer) -> None:
    """Hang the answering commands on the main app."""
    for command in (serve, predict, explain):
        app.command()(command)


def serve() -> None:
    """Serve the champion over KServe REST (V1, V2) and gRPC until stopped.

    Example: counterfoil serve
    """
    from serving.server import serve as start

    start(active_settings())


def predict(
    user: Annotated[str, typer.Option("--user", help="User id")],
    k: Annotated[int, typer.Option("--k", help="How many items, 1 to 100")] = 10,
    surface: Annotated[
        str, typer.Option(help="home, discover, similar, cart, search or email")
    ] = "home",
    about: Annotated[
        str, typer.Option(help="Item ids with commas: the item, the basket or the hits")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Recommend items to one user, exactly as the server would, decision record included.

    Example: counterfoil predict --user 1 --json
    """
    from serving.answer import predict_once
    from serving.wish import wish_about

    wish = {"user_id": user, "k": k, "surface": surface} | wish_about(surface, about)
    answer = predict_once(active_settings(), wish)
    if as_json:
        data(canonical_json(answer))
        return
    items = answer["items"]
    assert isinstance(items, list)
    for rank, item in enumerate(items, start=1):
        reasons = "; ".join(item["reasons"])
        data(f"{rank:>3}  {item['item_id']:<10} {item['score']:8.4f}  {item['title']}  ({reasons})")
    dropped = answer.get("dropped") or []
    assert isinstance(dropped, list)
    for drop in dropped:
        data(f"  -  {drop['item_id']:<10} {drop['reason']}")
    data(f"request {answer['request_id']}")


def explain(
    request_id: Annotated[str, typer.Argument(help="The request id of an answer")],
    as_json: AsJson = False,
) -> None:
    """Print the decision record of an answer: request, candidates, features, model, items.

    Example: counterfoil explain 0b9c4c8e5f5d4a6c8e0f4a1b2c3d4e5f
    """
    from governance.receipts import explain_decision, explain_text, load_decision

    decision = load_decision(active_settings(), request_id)
    if as_json:
        data(canonical_json(explain_decision(decision)))
    else:
        data(explain_text(decision))
