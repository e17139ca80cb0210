# SPDX-License-Identifier: Apache-2.0
"""The unit test that goes with each bundle into the Model Zoo, in a tree like the Zoo's and run as its runner does."""

from __future__ import annotations

import importlib
import logging
import shutil
import sys
import types
import unittest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUNDLES = sorted(path.parents[1] for path in (ROOT / "bundles").glob("*/configs/metadata.json"))


def check_workflow(workflow, check_properties=False):
    """What the Zoo's ``ci/unit_tests/utils.py`` does with a workflow."""
    workflow.initialize()
    missing = workflow.check_properties() if check_properties else []
    if missing:
        raise ValueError(f"properties: {missing}")
    workflow.run()
    workflow.finalize()


@pytest.fixture
def zoo(monkeypatch, tmp_path):
    """A checkout in miniature, with ``models/`` and ``ci/unit_tests/``, as working directory."""
    tests = tmp_path / "zoo" / "ci" / "unit_tests"
    tests.mkdir(parents=True)
    (tmp_path / "zoo" / "models").mkdir()
    utils = types.ModuleType("utils")
    utils.check_workflow = check_workflow
    monkeypatch.setitem(sys.modules, "utils", utils)
    monkeypatch.syspath_prepend(str(tests))
    monkeypatch.chdir(tmp_path / "zoo")
    level, handlers = logging.root.level, logging.root.handlers[:]
    yield tmp_path / "zoo"
    logging.root.handlers[:], logging.root.level = handlers, level  # logging.conf has set its own


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_the_unit_test_of_a_submission(bundle, zoo):
    shutil.copytree(bundle, zoo / "models" / bundle.name)
    name = f"test_{bundle.name}"
    shutil.copy(ROOT / "recipes" / "model_zoo_unit_test.py", zoo / "ci" / "unit_tests" / f"{name}.py")
    importlib.invalidate_caches()
    result = unittest.TestResult()
    try:
        unittest.TestLoader().loadTestsFromNames([name]).run(result)
    finally:
        sys.modules.pop(name, None)
    assert result.testsRun == 2
    assert result.wasSuccessful(), "\n".join(text for _, text in result.errors + result.failures)
    assert not list((zoo / "models").rglob("runs"))  # nothing is written into the bundle
