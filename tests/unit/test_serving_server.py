"""A wrong port or a missing champion is told at once, before anything heavy is imported."""

import os
import socket
import subprocess
import sys

import pytest
from sample_shop import two_free_ports

from governance.errors import InputError, StateError
from governance.settings import PROJECT_ROOT, Settings
from serving.champion import find_champion
from serving.server import curl_to_try, refuse_busy_ports


@pytest.mark.parametrize("setting", ["http_port", "grpc_port"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_an_input_error_naming_the_setting(setting, host):
    with socket.socket() as other:
        other.bind((host, 0))
        other.listen()
        ports = dict(zip(("http_port", "grpc_port"), two_free_ports(), strict=True))
        ports[setting] = other.getsockname()[1]
        with pytest.raises(InputError, match="is in use") as caught:
            refuse_busy_ports(Settings(**ports))
    assert f"COUNTERFOIL_{setting.upper()}" in str(caught.value)
    assert caught.value.exit_code == 2


def test_free_ports_pass():
    http_port, grpc_port = two_free_ports()
    refuse_busy_ports(Settings(http_port=http_port, grpc_port=grpc_port))


def test_one_port_for_both_is_refused():
    with pytest.raises(InputError, match="both REST and gRPC"):
        refuse_busy_ports(Settings(http_port=9000, grpc_port=9000))


def test_a_home_without_a_release_has_no_champion(tmp_path):
    with pytest.raises(StateError, match="no released version") as caught:
        find_champion(Settings(home=tmp_path))
    assert "counterfoil demo" in caught.value.next_step


def test_the_curl_to_try_uses_the_port_set():
    assert "localhost:9123/v1/models/recommender:predict" in curl_to_try(
        Settings(http_port=9123), "181"
    )


def test_the_server_module_imports_nothing_heavy():
    code = "import sys, serving.server, serving.champion; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"feast", "torch", "numpy", "kserve", "prefect", "dbt"} & set(loaded)


def test_an_answer_has_one_thread_unless_the_environment_says_otherwise():
    code = """if True:
        from serving.server import give_an_answer_one_thread
        give_an_answer_one_thread()
        import torch, threadpoolctl, numpy
        print({pool["num_threads"] for pool in threadpoolctl.threadpool_info()})
    """
    for given, threads in ({}, "{1}"), ({"OMP_NUM_THREADS": "2"}, "{2}"):
        env = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
        said = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT_ROOT, env=env | given,
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert said.strip() == threads
