# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
from pathlib import Path

import pytest
from enhance_commands import Command, rows, tree
from enhance_inputs import mixed, shifting

TESTS = Path(__file__).parents[2]
OWN = (b"manifest.jsonl", b"report.html")
# of all processes of the cluster, which listens on the network: they import this package and faulty_tasks.py
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(map(str, (TESTS.parent, TESTS))),
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9",  # else Ray reports that it shall not report
    "RAY_worker_niceness": "0",  # 15 by default, which is for ever on a busy machine
}


class TwoMachines:
    """A cluster of two simulated machines with one core each; the second one can be lost and replaced."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        machine = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=machine)
        self.address = self._cluster.address
        self.logs = Path(self._cluster.head_node.get_session_dir_path()) / "logs"
        self.add_second()

    def add_second(self):
        self._second = self._cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)

    def lose_second(self):
        self._cluster.remove_node(self._second, allow_graceful=False)

    def shutdown(self):
        self._cluster.shutdown()


@pytest.fixture(scope="session")
def machines():
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is an extra: make test-ray")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        two = TwoMachines()
        yield two
        two.shutdown()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    return shifting(tmp_path_factory.mktemp("bundles") / "shift")


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    return mixed(tmp_path_factory.mktemp("files") / "in")


@pytest.fixture(scope="session")
def reference(source, bundle, tmp_path_factory):
    """The output of the local engine."""
    folder = tmp_path_factory.mktemp("reference")
    command = Command([source, folder / "out", "--bundle", bundle, "--device", "cpu", "--workers", "1"], folder)
    assert command.wait() == 1, command.printed()
    return folder / "out"


@pytest.fixture
def output(reference, tmp_path):
    """An output folder that was begun at the same time as the reference."""
    (tmp_path / "out").mkdir()
    shutil.copy(reference / "run.json", tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def command(machines, source, output, bundle, tmp_path):
    """Start the command with --engine ray (or another) on the two machines."""

    def start(*flags, tasks=None, engine="ray", source=source):
        where = ["--address", machines.address] if engine == "ray" else []
        arguments = [source, output, "--bundle", bundle, "--device", "cpu", "--workers", "1", "--engine", engine]
        return Command([*arguments, *where, *flags], tmp_path, tasks, ENVIRONMENT)

    return start


@pytest.fixture
def is_whole(reference):
    """Check that an output is that of the local engine, byte for byte, and in all rows but for the seconds."""

    def check(output):
        found, expected = ([{**row, "seconds": 0} for row in rows(o).values()] for o in (output, reference))
        assert found == expected
        found, expected = ({k: v for k, v in tree(o).items() if k not in OWN} for o in (output, reference))
        assert found == expected
        assert set(tree(output)) == set(tree(reference))
        return True

    return check
