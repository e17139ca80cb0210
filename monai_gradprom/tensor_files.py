# SPDX-License-Identifier: Apache-2.0
"""Reading what ``torch.save`` wrote, without running any code of the file's and not without its checksums."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

__all__ = ["DamagedFile", "UnsafeFile", "read_tensors"]


class UnsafeFile(Exception):
    """The file holds more than tensors, numbers, texts and containers, or is nothing that PyTorch has written."""


class DamagedFile(Exception):
    """The file cannot be read, or is not what was once written."""


def read_tensors(path: Path) -> Any:
    """``torch.load(weights_only=True)`` onto the CPU, after a look at the archive's checksums, which torch leaves out.

    Args:
        path: the file.

    Raises:
        UnsafeFile: it names objects that would have to be built by code; none of it has run.
        DamagedFile: it is truncated, a bit of it has changed, or it is a TorchScript archive.
    """
    try:
        if zipfile.is_zipfile(path):  # all but the format before PyTorch 1.6, which has no checksums
            with zipfile.ZipFile(path) as archive:
                spoilt = archive.testzip()
            if spoilt is not None:
                raise DamagedFile("a checksum is wrong")
        return torch.load(path, map_location="cpu", weights_only=True)
    except DamagedFile:
        raise
    except pickle.UnpicklingError as error:
        raise UnsafeFile(type(error).__name__) from error
    except Exception as error:  # a damaged file makes the readers fail in any way; torch's text advises unsafe loading
        raise DamagedFile(type(error).__name__) from error
