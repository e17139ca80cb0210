# SPDX-License-Identifier: Apache-2.0
"""Whose bundle it is, and that another one is refused before any of its code has run."""

from __future__ import annotations

import importlib.util
import json
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest
from enhance_commands import Command
from enhance_inputs import identity, shifting, write_picture
from tiny_bundles import IDENTITY, SHIFT, shift_by, write_bundle

from monai_gradprom.cli import main
from monai_gradprom.enhance.bundle_provenance import provenance_of

# as docs/security.md has it
PLAIN_TOOLS = (
    "find . -type f ! -path '*/__pycache__/*' -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
)
TRAP = "import pathlib\npathlib.Path({!r}).mkdir()\n"


@pytest.fixture
def enhance(tmp_path, monkeypatch):
    """The command on a picture; its exit code."""
    write_picture(tmp_path / "in" / "a.png")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "pycache_prefix", None)
    places = [str(tmp_path / name) for name in ("in", "out")]
    return lambda *words: main(["enhance", *places, "--device", "cpu", "--workers", "0", *map(str, words)])


def by_plain_tools(folder):
    return subprocess.run(PLAIN_TOOLS, shell=True, cwd=folder, capture_output=True, text=True).stdout.split()[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GNU find and sha256sum")
def test_the_digest_is_that_of_plain_tools(tmp_path):
    folder = identity(tmp_path / "bundle")
    for name in ("scripts/a.py", "scripts/__init__.py", "Z", "a", "a b/ü.txt", ".hidden", "empty"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name if name != "empty" else "")
    before = by_plain_tools(folder)
    assert provenance_of(folder).sha256 == before
    (folder / "scripts" / "__pycache__").mkdir()
    (folder / "scripts" / "__pycache__" / "a.cpython-311.pyc").touch()
    assert provenance_of(folder).sha256 == before
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    assert PLAIN_TOOLS in text.replace("\\\n    ", "")
    for change in (lambda: (folder / "empty").write_text(" "), lambda: (folder / "Z").rename(folder / "Y")):
        change()
        assert provenance_of(folder).sha256 == by_plain_tools(folder) != before


def test_a_run_says_whose_bundle_it_is_and_records_it(tmp_path, enhance, capsys):
    about = {"name": "A\x1b[2Jtitle", "version": "1.2.3", "authors": ["Ada", "Bob"], "network_data_format": {}}
    folder = write_bundle(tmp_path / "bundle", SHIFT, shift_by(0.1), about)
    assert enhance("--bundle", folder, "--any-modality") == 0
    digest = provenance_of(folder).sha256
    said = "bundle bundle: A\\x1b[2Jtitle, version 1.2.3, by Ada, Bob; SHA-256 of its 3 files " + digest
    assert said in capsys.readouterr().err.splitlines()
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["bundle"] == {
        "folder": "bundle",
        "title": "A\\x1b[2Jtitle",
        "version": "1.2.3",
        "authors": "Ada, Bob",
        "sha256": digest,
    }
    assert enhance("--bundle", folder, "--any-modality", "--require-sha256", digest.upper()) == 0


@pytest.fixture
def trapped(tmp_path):
    """A bundle whose every part makes a folder when it is evaluated, and that folder."""
    trap = tmp_path / "trap"
    network = f"$__import__('os').mkdir({str(trap)!r}) or torch.nn.Identity()"
    folder = write_bundle(tmp_path / "bundle", network, imports=["$import torch", "$import scripts.code"])
    (folder / "scripts").mkdir()
    (folder / "scripts" / "__init__.py").touch()
    (folder / "scripts" / "code.py").write_text(TRAP.format(str(trap)))
    return folder, trap


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_nothing_of_another_bundle_is_run(tmp_path, enhance, trapped, capsys, dry):
    folder, trap = trapped
    assert enhance("--bundle", folder, "--require-sha256", 64 * "a", *dry) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert provenance_of(folder).sha256 in line and 64 * "a" in line
    assert not trap.exists() and not (tmp_path / "out").exists()
    enhance("--bundle", folder, *dry)
    assert trap.exists()  # the trap works


@pytest.mark.parametrize("file", ["configs/inference.json", "configs/metadata.json", "models/model.pt", "new"])
def test_one_changed_bit_is_refused(tmp_path, enhance, capsys, file):
    folder = shifting(tmp_path / "bundle")
    digest = provenance_of(folder).sha256
    content = (folder / file).read_bytes() if file != "new" else b""
    (folder / file).write_bytes(bytes([*content[:-1], content[-1] ^ 1]) if content else b"")
    assert enhance("--bundle", folder, "--require-sha256", digest) == 2
    assert digest in capsys.readouterr().err


def test_weights_from_elsewhere_are_not_vouched_for(tmp_path, enhance, capsys):
    folder = shifting(tmp_path / "bundle")
    (folder / "models" / "model.pt").rename(tmp_path / "other.pt")
    given = ["--bundle", folder, "--set", f"weights={tmp_path / 'other.pt'}"]
    config = json.loads((folder / "configs" / "inference.json").read_text()) | {"weights": "none"}
    (folder / "configs" / "inference.json").write_text(json.dumps(config))
    assert enhance(*given, "--require-sha256", provenance_of(folder).sha256) == 2
    assert "lie outside of the bundle" in capsys.readouterr().err
    assert enhance(*given) == 0


def test_links_and_malformed_digests_are_refused(tmp_path, enhance, capsys):
    folder = identity(tmp_path / "bundle")
    assert enhance("--bundle", folder, "--require-sha256", "abc") == 2
    assert "takes 64 hexadecimal digits" in capsys.readouterr().err
    (folder / "models" / "link").symlink_to("/etc/hostname")
    assert enhance("--bundle", folder, "--require-sha256", 64 * "0") == 2
    assert "models/link is a link" in capsys.readouterr().err


def test_compiled_code_is_not_run_in_the_place_of_its_source(tmp_path, trapped):
    """A stale cache with the right time and size would be; in a process of its own, since imports are remembered."""
    folder, trap = trapped
    source = folder / "scripts" / "code.py"
    evil = source.read_text()
    source.write_text(f"{'pass':<{len(evil) - 1}}\n")
    about = source.stat()
    code = tmp_path / "evil.py"
    code.write_text(evil)
    os.utime(code, ns=(about.st_mtime_ns, about.st_mtime_ns))
    py_compile.compile(str(code), cfile=importlib.util.cache_from_source(str(source)), doraise=True)
    config = json.loads((folder / "configs" / "inference.json").read_text()) | {"network_def": IDENTITY}
    (folder / "configs" / "inference.json").write_text(json.dumps(config))
    write_picture(tmp_path / "in" / "a.png")
    words = [tmp_path / "in", tmp_path / "out", "--device", "cpu", "--workers", "0", "--bundle", folder]
    command = Command([*words, "--require-sha256", provenance_of(folder).sha256], tmp_path)
    assert command.wait() == 0, command.printed()
    assert not trap.exists()
    Command([*words, "--no-resume"], tmp_path).wait()
    assert trap.exists()  # the trap works


def test_other_code_is_another_run(tmp_path, enhance, capsys):
    """Results of two versions of a bundle's own code do not mix in one OUTPUT."""
    folder = identity(tmp_path / "bundle")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "net.py").write_text("A = 1\n")
    assert enhance("--bundle", folder) == 0
    assert enhance("--bundle", folder) == 0
    (folder / "scripts" / "net.py").write_text("A = 2\n")
    assert enhance("--bundle", folder) == 2
    assert "code differ" in capsys.readouterr().err
