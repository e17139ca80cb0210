# SPDX-License-Identifier: Apache-2.0
"""Tables of the pages in docs/results/, from what `monai-gradprom report` has written.

    python benchmarks/results_page.py camus_sigma0.3=runs/camus_sigma0.3/report   # copy, then fill
    python benchmarks/results_page.py                                             # fill
    python benchmarks/results_page.py --check                                     # compare only

NAME=REPORT copies the report's own tables (CSV) and those of its charts (SVG) that a page shows to
docs/results/tables/ as NAME_…; the paper's tables stay behind. In a page, a comment says what stands below it, and that
table is made anew:

    <!-- table tables/camus_sigma0.3_all_runs_differences.csv where="metric: PSNR [dB]"
         columns="strategies; difference; over seeds" -->

``where`` keeps rows (several values with |, several columns with ;), ``columns`` chooses and renames (``mIoU > own``).
"""

from __future__ import annotations

import argparse
import csv
import re
import shlex
import shutil
import sys
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
_BLOCK = re.compile(r"(<!-- table (.+?) -->\n)((?:\|[^\n]*\n)*)", re.DOTALL)
_OWN = ("quality", "differences", "gate")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 1 where ``--check`` finds another table than its file gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="*", metavar="NAME=REPORT")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="of the pages (docs/results)")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(arguments)
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(args.folder.glob("*.md"))}
    for given in args.reports:
        name, _, report = given.partition("=")
        copy_report(name, Path(report), args.folder / "tables", "".join(pages.values()))
    filled = {
        path: _BLOCK.sub(lambda block: block[1] + table(block[2], args.folder), page) for path, page in pages.items()
    }
    if args.check:
        return int(filled != pages)
    for path, page in filled.items():
        path.write_text(page, encoding="utf-8")
    return 0


def copy_report(name: str, report: Path, folder: Path, shown: str) -> None:
    """Copy a report's tables but the paper's, and its charts that ``shown`` links, as ``name_…`` files."""
    if not (report / "tables").is_dir():
        sys.exit(f"{report} is no report of `monai-gradprom report`: it has no tables/.")
    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"{name}_*"):
        old.unlink()
    found = [path for kind in _OWN for path in (report / "tables").glob(f"*_{kind}.csv")]
    for path in (*found, *(report / "figures").glob("*.svg")):
        rest = re.sub(r"^[a-z0-9]+_[a-z]+_", "", path.name)  # the bundle's name
        if path.suffix == ".csv" or f"({folder.name}/{name}_{rest})" in shown:  # a chart has a hundred kilobytes
            shutil.copyfile(path, folder / f"{name}_{rest}")


def table(directive: str, folder: Path) -> str:
    """A Markdown table of the rows and columns that a directive asks for."""
    file, *options = shlex.split(directive)
    chosen = dict(option.split("=", 1) for option in options)
    with (folder / file).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for condition in filter(None, chosen.get("where", "").split(";")):
        column, _, values = condition.partition(":")
        wanted = [value.strip() for value in values.split("|")]
        rows = [row for row in rows if row[column.strip()] in wanted]
    columns = [part.partition(" > ") for part in chosen["columns"].split("; ")]
    heads = [new or name for name, _, new in columns]
    lines = [heads, ["---"] * len(heads), *([row[name] for name, _, _ in columns] for row in rows)]
    return "".join(f"| {' | '.join(_plain(cell) for cell in line)} |\n" for line in lines)


def _plain(cell: str) -> str:
    return cell.replace("|", r"\|")


if __name__ == "__main__":
    sys.exit(main())
