# SPDX-License-Identifier: Apache-2.0
"""What the command line of `monai-gradprom enhance` says."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError

from .cluster.session import check_address, check_ray
from .execution import check_execution

__all__ = ["ENGINES", "TRANSFER_SYNTAXES", "Options", "check_folders", "check_options", "parse_settings"]

TRANSFER_SYNTAXES = ("explicit", "implicit", "deflated", "rle", "jpegls", "jpeg2000")
"""How pixels of DICOM results may be stored; all without loss."""

ENGINES = ("local", "ray")
"""Where files are worked on: this machine, or those of a Ray cluster."""

# What decides neither the bytes of a result nor its name: where it is computed and how fast.
_NO_MATTER = {
    *("input", "output", "bundle", "require_sha256", "device", "batch_size", "workers", "dry_run", "resume"),
    *("thumbnails", "memory", "timeout", "engine", "address"),
}


@dataclass(frozen=True)
class Options:
    """Everything that the command line says; :func:`check_options` and :func:`check_folders` say if it makes sense.

    Args:
        input: folder of files to enhance.
        output: folder that receives the results, in a tree like ``input``'s.
        bundle: folder of a MONAI bundle with ``configs/inference.json``.
        device: ``"auto"`` or what PyTorch calls it, such as ``"cuda:1"``.
        batch_size: images (or tiles) of a network pass.
        workers: processes that read and write, with Ray for each network; None: one more than CPU cores, with Ray up to
            four; 0: everything in the process of the network.
        dry_run: only tell what would be done.
        resume: go on with an interrupted run; else what an earlier run wrote to ``output`` is removed first.
        any_modality: enhance files outside the domain that the bundle states, too.
        series_description: of the DICOM results; None: the source's, marked.
        transfer_syntax: of the DICOM results, one of :data:`TRANSFER_SYNTAXES`.
        strength: 0 leaves images as they are, 1 is what the network says.
        thumbnails: whole images in the report, not only ultrasound regions.
        hash_paths: replace file and folder names by digests in ``output``.
        window: lowest and highest intensity, in modality units, that the network sees as 0 and 1; None: the files'.
        tile_size: side of a tile in pixels; None: the bundle's.
        runtime: what computes the network, one of :data:`~monai_gradprom.enhance.execution.RUNTIMES`.
        precision: of its convolutions, one of :data:`~monai_gradprom.enhance.execution.PRECISIONS`.
        memory: GiB that the pixels of one file may take in a worker before they are spooled to disk.
        timeout: seconds that a worker may be silent on one file, not counting waiting for the network.
        engine: one of :data:`ENGINES`.
        address: of a Ray cluster, ``"HOST:PORT"`` or ``"auto"``; None: ``RAY_ADDRESS``, else ``"auto"``.
        require_sha256: the digest that the bundle's files must have; None: any.
        settings: ids of the bundle's ``inference.json`` and what they are set to.
    """

    input: Path
    output: Path
    bundle: Path
    device: str = "auto"
    batch_size: int = 4
    workers: int | None = None
    dry_run: bool = False
    resume: bool = True
    any_modality: bool = False
    series_description: str | None = None
    transfer_syntax: str = "explicit"
    strength: float = 1.0
    thumbnails: bool = False
    hash_paths: bool = False
    window: tuple[float, float] | None = None
    tile_size: int | None = None
    runtime: str = "torch"
    precision: str = "float32"
    memory: float = 2.0
    timeout: float = 600
    engine: str = "local"
    address: str | None = None
    require_sha256: str | None = None
    settings: dict[str, str] = field(default_factory=dict)

    def result_key(self) -> dict[str, Any]:
        """What decides the bytes of the results and their names, in values that JSON has.

        Device, batch size and the like are left out: they may change between the parts of an interrupted run.
        """
        key = {name: value for name, value in vars(self).items() if name not in _NO_MATTER}
        key["strength"] = float(self.strength)
        key["window"] = None if self.window is None else [float(value) for value in self.window]
        key["settings"] = dict(self.settings)
        return key


def parse_settings(given: Iterable[str]) -> dict[str, str]:
    """Turn ``["scale_factor=4"]`` into ``{"scale_factor": "4"}``.

    Raises:
        InputError: an item is not NAME=VALUE, or a name comes twice.
    """
    settings: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][\w:#]*", name):
            raise InputError(f"--set {item!r} is not NAME=VALUE; write for example --set scale_factor=4.")
        if name in settings:
            raise InputError(f"--set {name} is given twice; give it once.")
        settings[name] = value
    return settings


def check_options(options: Options) -> None:
    """Check every value that can be judged without the folders, the bundle and the device.

    Raises:
        InputError: names the flag, what it was given and what it takes.
    """
    check_choice("--transfer-syntax", options.transfer_syntax, TRANSFER_SYNTAXES)
    if not re.fullmatch(r"auto|[a-z]+(:\d+)?", options.device):
        raise InputError(f"--device {options.device!r} is no device; write auto, cpu, cuda or cuda:1.")
    digest = options.require_sha256 or 64 * "0"
    _check("--require-sha256", digest, re.fullmatch("[0-9a-fA-F]{64}", digest) is not None, "64 hexadecimal digits")
    _check_engine(options)
    check_execution(options.runtime, options.precision, options.device)
    _check("--batch-size", options.batch_size, options.batch_size >= 1, "a whole number from 1")
    _check("--workers", options.workers, options.workers is None or options.workers >= 0, "a whole number from 0")
    _check("--tile-size", options.tile_size, options.tile_size is None or options.tile_size >= 1, "pixels, 1 or more")
    _check("--strength", options.strength, 0 <= options.strength <= 1, "a number from 0 to 1")
    _check("--memory", options.memory, 0 < options.memory < math.inf, "GiB, more than 0")
    _check("--timeout", options.timeout, options.timeout > 0, "seconds, more than 0")
    if options.window is not None:
        low, high = options.window
        _check("--window", f"{low} {high}", -math.inf < low < high < math.inf, "two numbers, the lower one first")
    if (text := options.series_description) is not None:  # DICOM PS3.5 6.2, value representation LO
        ok = text.strip() != "" and len(text) <= 64 and "\\" not in text and text.isprintable()
        _check("--series-description", text, ok, "1 to 64 printable characters without backslash")


def _check_engine(options: Options) -> None:
    check_choice("--engine", options.engine, ENGINES)
    if options.engine == "ray":
        check_ray()
        check_address(options.address)
        if options.device not in ("auto", "cpu", "cuda"):
            raise InputError(f"--device {options.device} does not go with --engine ray; write auto, cpu or cuda.")
    elif options.address is not None:
        raise InputError("--address goes with --engine ray; add that, or leave the address out.")


def _check(flag: str, value: object, ok: bool, wanted: str) -> None:
    if not ok:
        raise InputError(f"{flag} is {value!r}, but takes {wanted}.")


def check_folders(options: Options) -> None:
    """Check INPUT, OUTPUT and the bundle's folder; nothing is written.

    Raises:
        InputError: INPUT or the bundle is missing, no folder or unreadable; OUTPUT is not a folder; one of INPUT and
            OUTPUT lies inside the other, whatever links their paths go through.
    """
    _check_readable("INPUT", options.input)
    _check_readable("--bundle", options.bundle)
    try:
        source, target = options.input.resolve(), options.output.resolve()
        if target.exists() and not target.is_dir():
            raise InputError(f"OUTPUT {options.output} is not a folder; name a new or an empty one.")
        if _inside(target, source) or _inside(source, target):
            raise InputError(
                f"OUTPUT {options.output} and INPUT {options.input} overlap; choose an OUTPUT outside of INPUT."
            )
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        reason = getattr(error, "strerror", None) or "a loop of links"
        raise InputError(f"OUTPUT {options.output} cannot be used ({reason}); choose another.") from None


def _check_readable(argument: str, folder: Path) -> None:
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except FileNotFoundError:
        raise InputError(f"{argument} {folder} does not exist; check the path.") from None
    except NotADirectoryError:
        raise InputError(f"{argument} {folder} is not a folder; name the folder that holds the file.") from None
    except OSError as error:
        raise InputError(f"{argument} {folder} cannot be read ({error.strerror}); check its permissions.") from None


def _inside(inner: Path, outer: Path) -> bool:
    # samefile also sees through names that differ in case only, and through mounts
    return any(folder.samefile(outer) for folder in (inner, *inner.parents) if folder.exists() and outer.exists())
