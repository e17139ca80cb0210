# SPDX-License-Identifier: Apache-2.0
"""The command `monai-gradprom report`, from its arguments to its last line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_gradprom.errors import InputError
from monai_gradprom.whole_files import whole_file

from .results.contents import Contents, make_contents
from .results.page import page
from .results.read import read_runs
from .results.render import as_csv, as_latex, as_markdown

__all__ = ["ReportOptions", "report"]

_OF_A_SETTING = ("quality", "differences", "gate", "training", "front")


@dataclass
class ReportOptions:
    """What the command line says.

    Args:
        runs: folders of grids.
        output: where the report goes; None: ``report`` in the first of them.
        bm3d: ``[BUNDLE:]SIGMA=CSV``, what BM3D reaches.
        no_pictures: none of the data's images in the page.
    """

    runs: Sequence[Path]
    output: Path | None = None
    bm3d: Sequence[str] = ()
    no_pictures: bool = False


def report(options: ReportOptions) -> int:
    """Write the report and say where it is.

    Returns:
        0.

    Raises:
        InputError: no finished run, a file that cannot be read or written.
    """
    folders = [folder.expanduser() for folder in options.runs]
    baselines = dict(map(_baseline, options.bm3d))
    runs, unfinished = read_runs(folders)
    contents = make_contents(runs, unfinished, baselines)
    output = (options.output or folders[0] / "report").expanduser()
    try:
        written = _write(contents, output, pictures=not options.no_pictures)
        _remove_earlier(output, {run.bundle for run in runs}, written)
    except OSError as error:
        raise InputError(f"{output} cannot be written ({error.strerror}); name another --output.") from error
    print(f"{len(runs)} runs, {len(unfinished)} not finished\n{output / 'report.html'}\n{output / 'report.md'}")
    return 0


def _write(contents: Contents, output: Path, pictures: bool) -> set[Path]:
    texts: dict[Path, str] = {}
    for table in contents.tables:
        texts[output / "tables" / f"{table.name}.csv"] = as_csv(table)
        texts[output / "tables" / f"{table.name}.tex"] = as_latex(table)
    for part in contents.parts:
        for name, svg in (("training", part.training), ("front", part.front)):
            if svg:
                texts[output / "figures" / f"{part.name}_{name}.svg"] = svg
    texts[output / "report.md"] = _markdown(contents)
    texts[output / "report.html"] = page(contents, pictures)
    for path, text in texts.items():
        _put(path, text)
    return set(texts)


def _remove_earlier(output: Path, bundles: set[str], written: set[Path]) -> None:
    """Tables and charts of an earlier report that this one has not: once a second σ was run, there is no `all_runs`."""
    for path in (*(output / "tables").glob("*"), *(output / "figures").glob("*")):
        of_a_setting = path.stem.rpartition("_")[2] in _OF_A_SETTING
        if of_a_setting and path not in written and any(path.name.startswith(f"{bundle}_") for bundle in bundles):
            path.unlink()


def _markdown(contents: Contents) -> str:
    lines = ["# Comparison of strategies", "", *(f"- {name}: {text}" for name, text in contents.facts.items()), ""]
    lines += [f"- not finished: {name}: {reason}" for name, reason in contents.unfinished.items()]
    for part in contents.parts:
        lines += [f"## {part.title}", "", *(as_markdown(table) for table in part.tables)]
        drawn = {"training": part.training, "front": part.front}
        lines += [f"![{name}](figures/{part.name}_{name}.svg)\n" for name, svg in drawn.items() if svg]
    return "\n".join([*lines, "## The paper's tables", "", *(as_markdown(table) for table in contents.paper_tables)])


def _put(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode("utf-8"))


def _baseline(text: str) -> tuple[tuple[str | None, float], float]:
    """``isic2018_denoise:0.1=FILE`` as ((bundle, σ), mean PSNR of the file's BM3D rows)."""
    where, _, name = text.partition("=")
    bundle, _, sigma = where.rpartition(":")
    try:
        key = (bundle or None, float(sigma))
    except ValueError:
        raise InputError(f"--bm3d {text}: write [BUNDLE:]SIGMA=CSV, such as 0.1=runs/baselines.csv.") from None
    try:
        with Path(name).expanduser().open(newline="", encoding="utf-8") as file:
            values = [float(row["psnr"]) for row in csv.DictReader(file) if row["method"] == "bm3d"]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"--bm3d {text}: {name} is no CSV of benchmarks/classical_baselines.py; correct the path."
        ) from error
    if not values:
        raise InputError(f"--bm3d {text}: {name} has no rows of the method bm3d; measure it first.")
    return key, float(np.mean(values))
