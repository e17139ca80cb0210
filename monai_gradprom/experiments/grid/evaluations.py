# SPDX-License-Identifier: Apache-2.0
"""What a trained enhancer is tested by: the bundle's own test, a fixed recognizer, other sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_gradprom.enhance.record.run_key import fingerprint

from .bundle_files import RECOGNIZER_ONLY, BundleFiles
from .cells import Switches
from .stage import Stage, key_of

__all__ = ["FIXED", "Evaluations", "Target"]

FIXED = "evaluate_fixed"
"""The stage that a fixed recognizer judges in."""

# what another bundle's evaluation takes over: what its images are made into, and the network
_OF_IMAGES = (
    *("degradation", "noise_sigma", "scale_factor", "downsampling", "resize"),
    *("network_def", "size_multiple", "tile_size"),
)
_OF_TRAINING_ALONE = ("weights", "recognizer_weights", "seed")


@dataclass(frozen=True)
class Target:
    """Another set that trained enhancers are tested on (the paper's Table 4).

    Args:
        bundle: whose evaluate.json reads the set.
        dataset_dir: the archive; None for the bundle's default.
    """

    bundle: BundleFiles
    dataset_dir: str | None = None


@dataclass(frozen=True)
class Evaluations:
    """How every run of a grid is tested.

    Args:
        figures: what the bundle's own evaluation draws, see :data:`monai_gradprom.figures.FIGURES`.
        targets: other sets that the enhancer is tested on.
        fixed_recognizer: a file or a run's folder with recognizers that judge all runs alike; None: each run's own.
    """

    figures: Sequence[str] = ()
    targets: Sequence[Target] = ()
    fixed_recognizer: str | None = None

    def stages(
        self, bundle: BundleFiles, cell: Switches, folder: Path, train: Stage, arguments: dict[str, Any]
    ) -> list[Stage]:
        """The processes that follow the training ``train`` of ``cell`` in ``folder``."""
        kept = {name: value for name, value in cell.items() if name.split("#")[0] in bundle.evaluate}
        kept = {name: value for name, value in kept.items() if name not in _OF_TRAINING_ALONE}
        own = kept | ({"figures": list(self.figures)} if self.figures else {})
        if cell.get("strategy") == RECOGNIZER_ONLY:
            # it has no enhancer that others could judge, and another set's classes are others
            return [_stage("evaluate", bundle, own | {"weights": "$None"}, folder / "evaluation", train, arguments)]
        found = [_stage("evaluate", bundle, own, folder / "evaluation", train, arguments)]
        if self.fixed_recognizer is not None:
            fixed = kept | {"recognizer_weights": self.fixed_recognizer}
            found.append(_stage(FIXED, bundle, fixed, folder / "evaluation_fixed", train, arguments))
        for target in self.targets:
            name, there = f"transfer_{target.bundle.name}", _transferred(bundle, cell, target)
            found.append(_stage(name, target.bundle, there, folder / name, train, arguments))
        return found


def _transferred(bundle: BundleFiles, cell: Mapping[str, Any], target: Target) -> dict[str, Any]:
    known = {name: value for name, value in cell.items() if name.split("#")[0] in target.bundle.evaluate}
    kept = {name: value for name, value in {**bundle.evaluate, **known}.items() if name.split("#")[0] in _OF_IMAGES}
    return kept | ({} if target.dataset_dir is None else {"dataset_dir": target.dataset_dir})


def _stage(
    name: str, reader: BundleFiles, kept: dict[str, Any], place: Path, train: Stage, arguments: dict[str, Any]
) -> Stage:
    files = [reader.path("evaluate")]
    key = key_of(reader, reader.resolved(files, kept), of=train.key)
    return Stage(name, reader, files, kept, place, fingerprint(key), arguments)
