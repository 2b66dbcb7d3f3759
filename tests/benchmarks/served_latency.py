"""How long one recommendation takes over REST, decision record included, beside the bare server.

Where the home has a search index, also a search, a search in one shopper's order, and a completion.

Command: ``make bench-serving JSON=FILE``, after ``make demo``. The floor is KServe's own liveness
route on the same server in the same run: HTTP without reading, ranking or recording.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from sample_shop import two_free_ports

from governance.models import show_version
from governance.settings import PROJECT_ROOT, Settings

_REQUESTS = 400
_WARM_UP = 40
_START_SECONDS = 180


def main() -> None:
    """Start the server on the default home, ask it in turn, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    http_port, grpc_port = two_free_ports()
    settings = Settings(http_port=http_port, grpc_port=grpc_port)
    users = known_users(settings)
    env = os.environ | {
        "COUNTERFOIL_HTTP_PORT": str(settings.http_port),
        "COUNTERFOIL_GRPC_PORT": str(settings.grpc_port),
    }
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "serving.server"], cwd=PROJECT_ROOT, env=env
    ) as server:
        try:
            base = f"http://127.0.0.1:{settings.http_port}"
            wait_until_ready(base)
            ready_seconds = time.monotonic() - started
            if has_index(
                settings
            ):  # it loads beside the first answers, and would be in their times
                wait_until_ready(base, "/v2/models/search/ready")
            with httpx.Client(base_url=base, timeout=30) as client:
                floor = timed(lambda _: client.get("/v2/health/live"), users)
                ours = timed(lambda user: ask(client, user), users)
                searched = searches(client, settings, users)
        finally:
            server.terminate()
            server.wait()
    figures = {
        "serving": {
            "recommend_ms": ours,
            "floor_ms": floor,
            "ready_seconds": round(ready_seconds, 1),
            **searched,
        }
    }
    text = json.dumps(figures, indent=2)
    if given.json:
        given.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")


def ask(client: httpx.Client, user: str) -> httpx.Response:
    body = {"instances": [{"user_id": user, "k": 10, "surface": "home"}]}
    answer = client.post("/v1/models/recommender:predict", json=body)
    answer.raise_for_status()
    return answer


def searches(client: httpx.Client, settings: Settings, users: list[str]) -> dict[str, object]:
    """Figures of the model ``search`` over what shoppers of this shop typed; none without it."""
    if not has_index(settings):
        return {}
    queries = typed(settings)
    pairs = [{"query": query, "user_id": user} for query, user in zip(queries, users, strict=False)]
    return {
        "search_ms": timed(lambda query: search(client, {"query": query}), queries),
        "search_for_user_ms": timed(lambda pair: search(client, pair), pairs),
        "complete_ms": timed(lambda query: search(client, {"prefix": query[:5]}), queries),
        "search_items": items(settings),
    }


def has_index(settings: Settings) -> bool:
    """Whether a search index was built in the home."""
    return (settings.bundles_dir / "search" / "current.json").is_file()


def search(client: httpx.Client, wish: dict[str, str]) -> httpx.Response:
    answer = client.post("/v1/models/search:predict", json={"instances": [wish]})
    answer.raise_for_status()
    return answer


def items(settings: Settings) -> int:
    """How many products the index in use has."""
    folder = settings.bundles_dir / "search"
    version = json.loads((folder / "current.json").read_text())["version"]
    return int(json.loads((folder / version / "search_index.json").read_text())["products"])


def typed(settings: Settings) -> list[str]:
    """200 queries of the shop's log, drawn by digest."""
    import duckdb

    sql = (
        "select query from (select distinct query from fct_searches) order by md5(query) limit 200"
    )
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        return [query for (query,) in warehouse.sql(sql).fetchall()]


def timed(call, given: list) -> dict[str, float]:
    """p50 and p99 in milliseconds over one call at a time."""
    seen = []
    for number in range(_WARM_UP + _REQUESTS):
        start = time.perf_counter()
        call(given[number % len(given)])
        seen.append((time.perf_counter() - start) * 1000)
    seen = seen[_WARM_UP:]
    cuts = statistics.quantiles(seen, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "requests": len(seen)}


def known_users(settings: Settings) -> list[str]:
    import pyarrow as pa

    folder = settings.bundles_dir / "recommender" / show_version(settings, "champion")["version"]
    with pa.memory_map(str(folder / "users.arrow")) as source:
        return pa.ipc.open_file(source).read_all()["user_id"].to_pylist()[:200]


def wait_until_ready(base: str, path: str = "/v2/health/ready") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{base}{path}", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("the server did not become ready")


if __name__ == "__main__":
    main()
