# SPDX-License-Identifier: Apache-2.0
"""The connection to a Ray cluster."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from monai_gradprom.errors import InputError

__all__ = ["check_address", "check_ray", "ray_session"]

# Nothing is reported to Ray's makers; `uv run` does not copy the current folder, which may hold images, to the cluster.
_SILENCE = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
_PATIENCE = 10.0  # seconds that a machine gets to answer


def check_ray() -> None:
    """Find out whether Ray is installed, without loading it.

    Raises:
        InputError: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError('--engine ray needs Ray, which is not installed; run: pip install "monai-gradprom[ray]".')


def check_address(address: str | None) -> None:
    """Check how ``--address`` is written. ``ray://`` is refused: it leads from machines that share no folders.

    Raises:
        InputError: it is neither ``auto`` nor ``HOST:PORT``.
    """
    if address is not None and not re.fullmatch(r"auto|[^/]+:\d{1,5}", address):
        raise InputError(
            f"--address {address!r} is no machine of a cluster; write HOST:PORT, or auto on one of its machines."
        )


@contextmanager
def ray_session(address: str | None) -> Iterator[Any]:
    """Connect this process to a cluster and yield the module ``ray``; a connection that is there already is used.

    Args:
        address: ``HOST:PORT`` or ``auto``; None: that of ``RAY_ADDRESS``, else ``auto``. No cluster is started here:
            Ray's own services look for a cloud and report to Ray's makers, which is up to who runs the machines.

    Raises:
        InputError: Ray is not installed; no cluster answers; it has other versions of Ray or Python, or a token.
    """
    check_ray()
    with _environment(_SILENCE):
        import ray

        if ray.is_initialized():
            yield ray
            return
        _connect(ray, address or os.environ.get("RAY_ADDRESS") or "auto")
        try:
            yield ray
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    check_address(address)
    try:
        _knock(address)
        # what a library prints on a machine of the cluster may quote a header: none of it comes here
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises anything
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(
            f"--address {address}: no Ray cluster can be used there ({text}); start one by `ray start --head`, and set"
            " RAY_AUTH_MODE=token if it has a token."
        ) from None


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for this process and those that it starts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _knock(address: str) -> None:
    """Raise OSError if nobody listens at ``HOST:PORT``, which Ray itself would try for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
