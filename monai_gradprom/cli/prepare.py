# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom prepare`: check a downloaded data set and write the datalist that `--datalist` reads."""

from __future__ import annotations

import argparse
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from ..datasets.inventory import Archive

    _SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_MARK = "monai-gradprom prepare"
_Items = list[dict[str, Any]]


def add_parser(subparsers: _SubParsers) -> None:
    """Declare the subcommand and its arguments."""
    parser = subparsers.add_parser(
        "prepare",
        help="check a downloaded data set and write a MONAI datalist of it",
        description="Compare a download with the full archive and write the MONAI datalist (JSON) that --datalist of "
        "the bundles reads. An incomplete archive is reported, not refused. The download itself is only read.",
    )
    parser.add_argument(
        "dataset",
        choices=["camus", "isic2018", "covidct", "lizard", "folder"],
        help="which data set it is; folder: any folder of your own images, DICOM too, split by patient",
    )
    parser.add_argument("root", metavar="ROOT", type=Path, help="folder of the unpacked archive")
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="the datalist; by default DATASET_official.json or DATASET_paper_seedN.json in the current folder",
    )
    parser.add_argument(
        "--split", choices=["official", "paper"], default="official", help="whose split (default: official)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn at random (default: 0)")
    parser.add_argument(
        "--diagnosis-csv", "--diagnosis_csv", metavar="FILE", type=Path, help="isic2018: table of diagnoses"
    )
    parser.add_argument("--fold", metavar="N", type=int, help="lizard: fold to test on (default: 3)")
    parser.add_argument(
        "--check-pixels", action="store_true", help="decode every image and mask and compare their sizes"
    )
    parser.add_argument(
        "--skip-faulty", action="store_true", help="check the pixels and leave images with a fault out of the datalist"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what was found, write the datalist and say where it is; see `main` for the exit code."""
    from ..datasets import write_datalist
    from ..datasets.inventory import ARCHIVES

    archive = ARCHIVES[args.dataset]
    options = _options(args, archive)
    default = (
        f"{args.dataset}_official.json" if args.split == "official" else f"{args.dataset}_paper_seed{args.seed}.json"
    )
    output = (args.output or Path(default)).expanduser()
    _refuse_foreign_file(output)
    with _notes() as notes:
        found = archive.count(args.root, **options)
        lists = _lists(args, archive, options, notes)
    lacking = [(what, f"{n:,}", f"{full:,}", f"{full - n:,} missing" if n < full else "") for what, n, full in found]
    print(f"{archive.title} in {args.root}")
    _print_table([("", "found", "full archive", ""), *lacking])
    _print_table(_subset_rows(args.split, archive, lists))
    for note in notes:
        print(f"note: {note}")
    if args.check_pixels or args.skip_faulty:
        lists = _checked(lists, args.skip_faulty, archive.channels)
    write_datalist(
        output,
        lists,
        diagnoses=archive.classes or None,
        prepared_by=_MARK,
        dataset=args.dataset,
        split=args.split,
        seed=args.seed,
        **{name: value for name, value in options.items() if name == "fold"},
    )
    print(f"datalist with {sum(map(len, lists.values())):,} images: {output}")
    return 0


def _options(args: argparse.Namespace, archive: Archive) -> dict[str, Any]:
    given = {n: v for n, v in (("diagnosis_csv", args.diagnosis_csv), ("fold", args.fold)) if v is not None}
    for name in given:
        if name not in archive.options:
            raise InputError(f"--{name.replace('_', '-')} means nothing to {args.dataset}; leave it out.")
    return given


def _refuse_foreign_file(path: Path) -> None:
    if not path.exists():
        return
    try:
        mark = json.loads(path.read_text(encoding="utf-8")).get("prepared_by")
    except (OSError, ValueError, AttributeError):
        mark = None
    if mark != _MARK:
        raise InputError(f"{path} is there already and was not written by this command; choose another --output.")


@contextmanager
def _notes() -> Iterator[list[str]]:
    """Collect what the data sets' logger says, to be printed in its place."""
    logger = logging.getLogger("monai_gradprom.datasets")
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _lists(
    args: argparse.Namespace, archive: Archive, options: Mapping[str, Any], notes: list[str]
) -> dict[str, _Items]:
    lists: dict[str, _Items] = {}
    errors: list[InputError] = []
    for subset in ("training", "validation", "testing"):
        try:
            lists[subset] = archive.datalist(args.root, subset, split=args.split, seed=args.seed, **options)
        except InputError as error:
            lists[subset] = []
            errors.append(error)
    if not any(lists.values()):
        raise errors[0]
    notes += map(str, errors)
    return lists


def _subset_rows(split: str, archive: Archive, lists: Mapping[str, _Items]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [(f"{split} split", *lists), _counted("images", map(len, lists.values()))]
    if archive.masks:
        rows.append(_counted("without mask", (sum("segmentation" not in i for i in part) for part in lists.values())))
    if archive.classes:
        classes = [Counter(item.get("diagnosis") for item in part) for part in lists.values()]
        rows += [_counted(f"of class {name}", (c[k] for c in classes)) for k, name in enumerate(archive.classes)]
        rows.append(_counted("without diagnosis", (c[None] for c in classes)))
    return rows


def _counted(what: str, numbers: Any) -> Sequence[str]:
    return (what, *(f"{n:,}" for n in numbers))


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    print()


def _checked(lists: dict[str, _Items], skip: bool, channels: int | None) -> dict[str, _Items]:
    """Decode everything, print each fault, and leave faulty items out if the user said so."""
    from tqdm import tqdm

    from ..datasets import find_faults

    items = [item for part in lists.values() for item in part]
    faults = find_faults(items, lambda found: tqdm(found, desc="pixels", unit="file"), channels)
    for reason in dict.fromkeys(reason for reasons in faults.values() for reason in reasons):
        print(f"fault: {reason}")
    remedy = "left out" if skip else "they stay in the datalist; leave them out by --skip-faulty"
    print(f"pixels: all decoded, {len(faults):,} images with a fault{f' ({remedy})' if faults else ''}")
    return {s: [i for i in part if not (skip and i["id"] in faults)] for s, part in lists.items()}
