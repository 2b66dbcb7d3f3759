"""One setting moves the online store from SQLite to Redis, and no answer changes."""

import json
import shutil

import pytest
from sample_shop import counterfoil

pytestmark = pytest.mark.pipeline


def test_redis_by_one_setting_gives_the_same_answer(shop_home, redis_url, tmp_path):
    home = tmp_path / "h"
    shutil.copytree(shop_home, home, ignore=shutil.ignore_patterns("prefect", "online.db*"))
    redis = {"COUNTERFOIL_ONLINE_STORE": "redis", "COUNTERFOIL_REDIS_URL": redis_url}
    built = counterfoil(home, "build", **redis)
    assert built.returncode == 0, built.stderr
    assert not (home / "online.db").exists()
    card = json.loads(counterfoil(home, "models", "show", "champion", "--json").stdout)
    ask = ("predict", "--user", card["example_user_id"], "--json")
    answers = [
        json.loads(counterfoil(place, *ask, **settings).stdout)
        for place, settings in ((shop_home, {}), (home, redis))
    ]
    for answer in answers:
        assert answer.pop("request_id")
        assert answer["is_degraded"] is False
    assert answers[0] == answers[1]
