# SPDX-License-Identifier: Apache-2.0
"""What is the same for all files of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monai_gradprom.enhance.bands import Reach
from monai_gradprom.enhance.derived.image import Provenance
from monai_gradprom.enhance.pixels.domain import Domain

__all__ = ["Setup", "Window"]

Window = tuple[float, float]
"""(low, high) in modality units: what the network sees as [0, 1]."""


@dataclass(frozen=True)
class Setup:
    """Sent to every worker process once.

    Args:
        input: the folder of the sources.
        output: the folder of the results; nothing is written for a dry run.
        work: where files are made before they are moved to ``output``; on the same file system.
        domain: what the bundle says it is made for.
        provenance: what derived objects say about how they were made.
        factor: by which the network enlarges.
        strength: 0 keeps the source, 1 takes the network's result.
        any_modality: enhance what lies outside the domain too.
        transfer_syntax: of written DICOM files; a key of ``TRANSFER_SYNTAXES``.
        hash_paths: write hashes of names instead of names.
        window: from the user, for all files.
        batch_size: frames that go to the network at once.
        memory: GiB that one file's pixels may take.
        reach: of the network; None: a frame has to be given to it as a whole.
    """

    input: Path
    output: Path
    work: Path
    domain: Domain
    provenance: Provenance
    factor: int = 1
    strength: float = 1.0
    any_modality: bool = False
    transfer_syntax: str = "explicit"
    hash_paths: bool = False
    window: Window | None = None
    batch_size: int = 4
    memory: float = 2.0
    reach: Reach | None = None
