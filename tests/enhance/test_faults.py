# SPDX-License-Identifier: Apache-2.0
"""Reasons tell what to do and nothing about a patient."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from monai_gradprom.enhance.faults import reason_for
from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage

SOURCE = Path("/data/in/Doe John/scan.dcm")
RELATIVE = "Doe John/scan.dcm"


def test_a_sentence_of_ours_is_passed_on_without_the_path():
    error = InputError(f"{SOURCE}: its pixels are truncated; send it again.")
    assert reason_for(error, SOURCE, RELATIVE) == ("failed", "its pixels are truncated; send it again.")


def test_what_is_no_image_is_skipped():
    assert reason_for(NotAnImage(f"{SOURCE}: a report"), SOURCE, RELATIVE) == ("skipped", "a report")


def test_hashed_names_do_not_come_back_in_reasons():
    error = InputError(f"{SOURCE}: lies beside scan.raw in Doe John; rename it.")
    _, reason = reason_for(error, SOURCE, RELATIVE, hash_paths=True)
    assert "Doe" not in reason and "scan" not in reason


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Doe^John"),
        KeyError("Doe^John"),
        RuntimeError("Doe^John"),
        OSError("Doe^John"),
        MemoryError("Doe^John"),
    ],
)
def test_other_exceptions_are_not_quoted(error):
    status, reason = reason_for(error, SOURCE, RELATIVE)
    assert status == "failed"
    assert "Doe" not in reason
    assert reason


@pytest.mark.parametrize(
    "number, word",
    [(errno.ENOSPC, "space"), (errno.EACCES, "permission"), (errno.ENOENT, "vanished"), (errno.EXDEV, "EXDEV")],
)
def test_the_operating_system_s_errors(number, word):
    assert word in reason_for(OSError(number, "Doe^John"), SOURCE, RELATIVE)[1]
