# SPDX-License-Identifier: Apache-2.0
"""How the way to a cluster is checked, and what Ray is told; with a stand-in for Ray."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from monai_gradprom.enhance import options as enhance_options
from monai_gradprom.enhance.cluster.session import ray_session
from monai_gradprom.enhance.options import Options, check_options
from monai_gradprom.errors import InputError

RAY = Options(Path("in"), Path("out"), Path("bundle"), engine="ray")


@pytest.fixture
def calls(monkeypatch):
    """What ray.init was called with, in which environment."""
    made = []

    def init(**options):
        made.append(options | dict(os.environ))

    ray = SimpleNamespace(init=init, is_initialized=lambda: False, shutdown=lambda: made.append("shut down"))
    ray.__spec__ = importlib.util.spec_from_loader("ray", None)
    monkeypatch.setitem(sys.modules, "ray", ray)
    for name in ("RAY_ADDRESS", "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    return made


def test_without_an_address_it_is_this_machine_s_cluster(calls):
    with ray_session(None):
        assert calls[0]["address"] == "auto"
    assert calls[1:] == ["shut down"]


def test_nothing_is_reported_and_nothing_is_shown(calls):
    with ray_session("auto"):
        assert calls[0]["RAY_USAGE_STATS_ENABLED"] == "0"
        assert calls[0]["log_to_driver"] is False
    assert "RAY_USAGE_STATS_ENABLED" not in os.environ


def test_the_environment_names_a_cluster(calls, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{server.getsockname()[1]}")
        with ray_session(None):
            assert calls[0]["address"] == os.environ["RAY_ADDRESS"]


def test_an_address_where_nobody_listens(calls):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with (
        pytest.raises(InputError, match=f"{address}: no Ray cluster can be used there .Connection"),
        ray_session(address),
    ):
        pass
    assert calls == []


def test_a_connection_that_is_there_is_used_and_kept(calls):
    sys.modules["ray"].is_initialized = lambda: True
    with ray_session(None):
        pass
    assert calls == []


def test_without_ray_the_remedy_is_named(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else real(name, *rest))
    with pytest.raises(InputError, match=r'pip install "monai-gradprom\[ray\]"'):
        check_options(RAY)


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "local", "", " ", "http://head:8265"])
def test_addresses_that_are_none(monkeypatch, address):
    monkeypatch.setattr(enhance_options, "check_ray", lambda: None)
    with pytest.raises(InputError, match="--address"):
        check_options(replace(RAY, address=address))


@pytest.mark.parametrize("address", ["auto", "head:6379", "10.0.0.1:6379", "[::1]:6379", None])
def test_addresses(monkeypatch, address):
    monkeypatch.setattr(enhance_options, "check_ray", lambda: None)
    check_options(replace(RAY, address=address))


def test_what_goes_with_which_engine(monkeypatch):
    monkeypatch.setattr(enhance_options, "check_ray", lambda: None)
    with pytest.raises(InputError, match="--device cuda:1 does not go with --engine ray"):
        check_options(replace(RAY, device="cuda:1"))
    with pytest.raises(InputError, match="--address goes with --engine ray"):
        check_options(replace(RAY, engine="local", address="auto"))
    with pytest.raises(InputError, match="--engine 'dask'"):
        check_options(replace(RAY, engine="dask"))
