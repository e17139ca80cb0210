# SPDX-License-Identifier: Apache-2.0
"""Steps of results_runs.py: each says as text what it would do, and does it; files are in place once they are whole."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = {"quarter": (4, 8, 6), "half": (2, 1, 6)}
"""Of a datalist, every so manieth image of training, validation and testing."""
SUBSETS = ("training", "validation", "testing")


@dataclass(frozen=True)
class Command:
    """A command line."""

    words: Sequence[str]

    def __str__(self) -> str:
        return shlex.join(self.words)

    def run(self) -> int:
        """The command's exit code."""
        return subprocess.call(self.words, cwd=ROOT)


@dataclass(frozen=True)
class Table(Command):
    """A command line that writes a table row by row, at its place only when it is whole."""

    file: Path

    def __str__(self) -> str:
        return shlex.join([*self.words, "--output", str(self.file)])

    def run(self) -> int:
        """The command's exit code."""
        unfinished = self.file.with_suffix(".part")
        code = subprocess.call([*self.words, "--output", str(unfinished)], cwd=ROOT)
        if code == 0:
            unfinished.replace(self.file)
        return code


@dataclass(frozen=True)
class Part:
    """Every so manieth image of a datalist, as `PARTS` says."""

    whole: Path
    part: Path

    def __str__(self) -> str:
        slices = ", ".join(f"{name}[::{n}]" for name, n in zip(SUBSETS, PARTS[self.part.stem], strict=True))
        return f"# {self.part}: {slices} of {self.whole}"

    def run(self) -> int:
        """Write the part anew."""
        datalist = json.loads(self.whole.read_text(encoding="utf-8"))
        for subset, step in zip(SUBSETS, PARTS[self.part.stem], strict=True):
            datalist[subset] = datalist[subset][::step]
        unfinished = self.part.with_suffix(".part")
        unfinished.write_text(json.dumps(datalist), encoding="utf-8")
        unfinished.replace(self.part)
        return 0


@dataclass(frozen=True)
class Recognizers:
    """The recognizers of a grid's runs, each of another task, in one folder."""

    runs: Path
    folder: Path

    def __str__(self) -> str:
        runs, folder = shlex.quote(str(self.runs)), shlex.quote(str(self.folder))
        return f"mkdir -p {folder} && cp {runs}/*/recognizer_*.pt {folder}"

    def run(self) -> int:
        """Copy them from the runs that the grid has now; others may lie beside them."""
        self.folder.mkdir(exist_ok=True)
        for name in json.loads((self.runs / "grid.json").read_text(encoding="utf-8"))["runs"]:
            for weights in (self.runs / name).glob("recognizer_*.pt"):
                shutil.copyfile(weights, self.folder / weights.name)
        return 0


Step = Command | Part | Recognizers
