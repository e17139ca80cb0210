# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from monai_gradprom.formats.volumes.byte_source import InflatedBytes, PlainBytes

DATA = np.random.default_rng(0).integers(0, 9, 3_000_000, dtype=np.uint8).tobytes()


@pytest.mark.parametrize("pack", [
    gzip.compress, zlib.compress, lambda data: gzip.compress(data[:999_999]) + gzip.compress(data[999_999:]),
])  # fmt: skip
def test_any_range_in_any_order(tmp_path: Path, pack) -> None:
    (tmp_path / "a").write_bytes(b"head" + pack(DATA))
    source = InflatedBytes(tmp_path / "a", start=4)
    for start, size in ((0, 10), (5, 10), (999_990, 20), (2_999_999, 1), (3, 2_000_000), (7, 0)):
        assert source.at(start, size) == DATA[start : start + size]
    source.finish()
    with pytest.raises(EOFError):
        source.at(2_999_999, 2)


def test_going_forward_takes_one_pass(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(DATA))
    source = InflatedBytes(tmp_path / "a")
    with mock.patch.object(Path, "open", autospec=True, side_effect=Path.open) as opened:
        for start in range(0, len(DATA), 100_000):
            source.at(start, 100_000)
        source.finish()
    assert opened.call_count == 1


def test_plain_bytes_end_where_the_file_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert PlainBytes(tmp_path / "a").at(8, 2) == b"89"
    with pytest.raises(EOFError):
        PlainBytes(tmp_path / "a").at(8, 3)
