"""Settings come from the environment, and a wrong one is never ignored."""

import pytest

from governance.errors import InputError
from governance.settings import PROJECT_ROOT, Settings, get_settings, refuse_unknown_names


@pytest.fixture
def fresh(monkeypatch):
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


def test_a_relative_home_lies_under_the_project(tmp_path):
    assert Settings(home="x").home_dir == PROJECT_ROOT / "x"
    assert Settings(home=tmp_path).home_dir == tmp_path


def test_a_wrong_value_names_the_variable_and_the_reason(fresh):
    fresh.setenv("COUNTERFOIL_THREADS", "many")
    with pytest.raises(InputError) as caught:
        get_settings()
    assert "COUNTERFOIL_THREADS" in str(caught.value)
    assert "integer" in caught.value.why
    assert "counterfoil config" in caught.value.next_step


def test_a_misspelt_setting_is_refused_with_the_known_names():
    with pytest.raises(InputError, match="COUNTERFOIL_HOEM") as caught:
        refuse_unknown_names({"COUNTERFOIL_HOEM": "/x", "PATH": "/bin"})
    assert "HOME" in caught.value.why


def test_child_processes_get_no_setting_that_would_be_refused(tmp_path):
    refuse_unknown_names(Settings(home=tmp_path).as_env())


def test_child_processes_see_the_same_settings(tmp_path, fresh):
    settings = Settings(home=tmp_path, online_store="redis", threads=1)
    for name, value in settings.as_env().items():
        fresh.setenv(name, value)
    seen = get_settings()
    assert (seen.home, seen.online_store, seen.threads) == (tmp_path, "redis", 1)


def test_every_telemetry_switch_is_off_for_child_processes(tmp_path):
    env = Settings(home=tmp_path).as_env()
    assert env["DO_NOT_TRACK"] == "1"
    assert env["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert env["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
