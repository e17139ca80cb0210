# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from monai_gradprom.enhance.record.paths import folded, output_path, printable, shown_path, without_path
from monai_gradprom.errors import InputError


def _digest(data: bytes) -> str:
    import subprocess

    return subprocess.run(["sha256sum"], input=data, capture_output=True, check=True).stdout.decode()[:16]


def test_names_stay_unless_hashed():
    assert shown_path("a/b c.dcm", False) == "a/b c.dcm"
    assert output_path("a/b.jpg", ".png", False) == "a/b.jpg.png"


@pytest.mark.parametrize(
    ("name", "extension"),
    [("scan.dcm", ".dcm"), ("x.NII.gz", ".NII.gz"), ("Doe.John", ""), ("1.2.840.113619.2", ""), ("IM0001", "")],
)
def test_hashed_names_keep_usual_extensions_only(name, extension):
    assert shown_path(f"Doe.dcm/{name}", True) == f"{_digest(b'Doe.dcm')}/{_digest(name.encode())}{extension}"
    assert output_path(name, ".png", True) == f"{_digest(name.encode())}{extension}.png"


def test_undecodable_names_are_hashed_by_their_bytes():
    assert shown_path(os.fsdecode(b"\xff\n.dcm"), True) == _digest(b"\xff\n.dcm") + ".dcm"


@pytest.mark.parametrize("name", ["run.json", "RUN.json", "manifest.jsonl", "report.html", ".work", ".Work/a.dcm"])
def test_the_programs_own_names_are_refused_at_the_top_only(name):
    with pytest.raises(InputError, match="--hash-paths"):
        output_path(name, "", False)
    assert output_path(f"sub/{name}", "", False) == f"sub/{name}"
    assert output_path(name, "", True)


def test_a_name_becomes_reserved_by_what_is_added():
    with pytest.raises(InputError):
        output_path("report", ".html", False)


def test_folded_sees_what_such_file_systems_see():
    assert folded("Mu\u0308ller/A.DCM") == folded("m\u00fcLLER/a.dcm")
    assert folded("a") != folded("b")


def test_printable_is_one_harmless_line():
    text = printable("a\nb\x1b[31m \udcff é 像")
    assert text == "a\\nb\\x1b[31m \\udcff é 像"
    text.encode()


def test_reasons_lose_the_path_of_their_file():
    source = Path("/data/Doe John/in/a'b\n.dcm")
    for text in (f"{source}: it is torn", f"{str(source)!r}: it is torn"):
        assert "/" not in without_path(text, source, "in/a'b\n.dcm")
    assert without_path(f"{source}: it is torn", source, "in/a'b\n.dcm") == "it is torn"
    assert without_path(f"torn: {source.parent}/b.raw is missing", source, "x") == "torn: b.raw is missing"
    assert without_path("frame 1 of 12 is torn", Path("/in/1"), "1") == "frame 1 of 12 is torn"


def test_hashed_reasons_tell_no_name():
    source, relative = Path("/in/Doe_John/scan07.mhd"), "Doe_John/scan07.mhd"
    text = without_path(f"{source}: scan07.raw of 'Doe_John' and scan07.mhd are at odds", source, relative, True)
    assert "Doe" not in text
    assert "scan07" not in text
    assert text.endswith("are at odds")
    assert _digest(b"Doe_John") in text


def test_a_file_that_is_named_like_a_word_leaves_sentences_whole():
    source, relative = Path("/in/doe/report"), "doe/report"
    assert without_path(f"{source}: is a report.", source, relative, True) == "is a report."
    assert without_path("report.raw is no report", source, relative, True) == f"{_digest(b'report')}.raw is no report"
    assert without_path("'doe' and doe/x and y/doe", source, relative, True).count(_digest(b"doe")) == 3
