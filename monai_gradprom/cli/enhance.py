# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom enhance`: run a bundle over a folder of clinical images."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .flags import flag

if TYPE_CHECKING:
    _SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Enhance every image below INPUT with a MONAI bundle and write the results to the same places below OUTPUT. INPUT is
only read. DICOM (with or without extension), NIfTI, MetaImage, PNG, TIFF, JPEG and BMP are told apart by their content.
Each result keeps its format (JPEG and BMP become PNG), geometry, bit depth and header; DICOM results are new objects
of a derived series. What
lies outside the bundle's domain is skipped, what is broken has failed, each with its reason in OUTPUT/manifest.jsonl;
OUTPUT/report.html shows pictures. Killed or cut off, the same command goes on where it was.
"""
_EPILOG = "Exit code: 0, or 1 if a file failed, or 2 if the command is at fault."


def add_parser(subparsers: _SubParsers) -> None:
    """Declare the subcommand and its arguments."""
    parser = subparsers.add_parser(
        "enhance",
        help="enhance a folder of DICOM, NIfTI, MetaImage, PNG, TIFF and JPEG files with a bundle",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("input", metavar="INPUT", type=Path, help="folder of images, searched recursively")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="new or empty folder, or one of an earlier run")
    parser.add_argument(
        "--bundle", metavar="DIR", type=Path, required=True, help="MONAI bundle, such as bundles/camus_denoise"
    )
    text = "run nothing of a bundle whose files have another SHA-256 than this; each run prints that of its bundle"
    flag(parser, "--require-sha256", metavar="DIGEST", help=text)
    _add_run_flags(parser.add_argument_group("the run"))
    _add_image_flags(parser.add_argument_group("what is done to the images"))
    _add_result_flags(parser.add_argument_group("what the results look like"))
    _add_machine_flags(parser.add_argument_group("the machine"))
    parser.set_defaults(run=run)


def _add_run_flags(group: argparse._ArgumentGroup) -> None:
    flag(group, "--dry-run", action="store_true", help="only say what would be done; nothing is written")
    group.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on with what an earlier run left in OUTPUT, which must have had the same settings (default); "
        "--no-resume removes the results of the earlier run and starts over",
    )
    flag(
        group,
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="set an entry of the bundle's inference.json, such as scale_factor=4; may be repeated",
    )


def _add_image_flags(group: argparse._ArgumentGroup) -> None:
    flag(group, "--strength", metavar="S", type=float, default=1.0, help="0 (source) to 1 (network); default 1")
    flag(
        group,
        "--any-modality",
        action="store_true",
        help="enhance images outside the modality, channels and size that the bundle is made for, too",
    )
    flag(
        group,
        "--window",
        metavar=("LOW", "HIGH"),
        type=float,
        nargs=2,
        help="intensities (CT: Hounsfield units) that the network sees as 0 and 1; values beyond them are left as they "
        "are. Default: the whole range of 8-bit files, else the series' window, else its lowest and highest value",
    )


def _add_result_flags(group: argparse._ArgumentGroup) -> None:
    from ..enhance.options import TRANSFER_SYNTAXES

    flag(
        group,
        "--series-description",
        metavar="TEXT",
        help="of the DICOM results, at most 64 characters; default: the source's, marked as enhanced",
    )
    flag(
        group,
        "--transfer-syntax",
        choices=TRANSFER_SYNTAXES,
        default="explicit",
        help="how DICOM results are stored, always without loss; default: explicit (uncompressed, little endian)",
    )
    flag(
        group,
        "--thumbnails",
        action="store_true",
        help="show whole images in report.html. By default only pixels inside ultrasound regions are shown, since "
        "names can be burned into the others",
    )
    flag(
        group,
        "--hash-paths",
        action="store_true",
        help="name folders and files in OUTPUT, manifest and report by digests of their names, for names that tell "
        "who the patient is",
    )


def _add_machine_flags(group: argparse._ArgumentGroup) -> None:
    from ..enhance.execution import PRECISIONS, RUNTIMES
    from ..enhance.options import ENGINES

    flag(group, "--device", metavar="NAME", default="auto", help="auto (default: a GPU if there is one), cpu, cuda:1")
    flag(group, "--batch-size", metavar="N", type=int, default=4, help="images that the network takes at once (4)")
    flag(group, "--tile-size", metavar="PIXELS", type=int, help="side of the tiles of large images; default: bundle's")
    flag(group, "--runtime", choices=RUNTIMES, default="torch", help="torch (default); onnx: ONNX Runtime, on the CPU")
    flag(group, "--precision", choices=PRECISIONS, default="float32", help="of the network; 16 bits round (float32)")
    flag(
        group,
        "--workers",
        metavar="N",
        type=int,
        help="processes that read and write files; default: one more than CPU cores; 0: none, for debugging; with "
        "--engine ray so many cores for each network, by default up to 4",
    )
    flag(
        group,
        "--memory",
        metavar="GIB",
        type=float,
        default=2.0,
        help="memory that the pixels of one file may take in a worker (2); larger files are kept on disk meanwhile",
    )
    flag(
        group,
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=600.0,
        help="how long a worker may be silent on one file before the file has failed (600)",
    )
    flag(
        group,
        "--engine",
        choices=ENGINES,
        default="local",
        help="local (default): this machine; ray: the machines of a Ray cluster, which share INPUT, OUTPUT and bundle",
    )
    flag(
        group,
        "--address",
        metavar="HOST:PORT",
        help="of the Ray cluster; auto: the one that this machine belongs to; default: RAY_ADDRESS, else auto",
    )


def run(args: argparse.Namespace) -> int:
    """Enhance the folder; see `main` for the exit code."""
    # before PyTorch is loaded: threads that wait for the next layer by turning in circles take the workers' cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from ..enhance.options import Options, check_folders, check_options, parse_settings

    given = {name: value for name, value in vars(args).items() if name != "run"}
    given |= {name: given[name].expanduser() for name in ("input", "output", "bundle")}
    low_high = given.pop("window")
    window = None if low_high is None else (low_high[0], low_high[1])
    settings = parse_settings(given.pop("set"))
    options = Options(**given, window=window, settings=settings)
    check_options(options)
    check_folders(options)

    from ..enhance.runner import run_enhance  # loads PyTorch, which is for nothing if the command is wrong

    try:
        return run_enhance(options)
    except KeyboardInterrupt:
        hint = "" if options.dry_run else "; run the same command again to go on"
        print(f"monai-gradprom: interrupted{hint}", file=sys.stderr)
        return 130
