# SPDX-License-Identifier: Apache-2.0
"""How many actors a cluster holds, and what each of them takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monai_gradprom.errors import InputError

__all__ = ["Capacity", "capacity_of"]

_CORES = 4  # of an actor, if a machine has as many


@dataclass(frozen=True)
class Capacity:
    """What :func:`capacity_of` returns.

    Args:
        actors: how many fit into the cluster while it does nothing else.
        cores: of one actor.
        device: of its network; on ``"cuda"`` it has a GPU of its own.
    """

    actors: int
    cores: int
    device: str


def capacity_of(machines: Sequence[Mapping[str, float]], device: str, workers: int | None) -> Capacity:
    """Divide a cluster into actors of one size.

    Args:
        machines: of each that is up, ``"CPU"`` and ``"GPU"``: how many Ray may use there.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"``: GPUs if there are any. Never both: results on CPU and GPU differ
            in the last bit.
        workers: of ``--workers``; None: four, or as many as the smallest machine has cores.

    Raises:
        InputError: no machine has room for one.
    """
    gpus = device == "cuda" or (device == "auto" and any(machine.get("GPU", 0) >= 1 for machine in machines))
    fit = [machine for machine in machines if machine.get("CPU", 0) >= 1 and (not gpus or machine.get("GPU", 0) >= 1)]
    smallest = min((int(machine["CPU"]) for machine in fit), default=1)
    cores = max(1, workers) if workers is not None else min(_CORES, smallest)
    actors = sum(int(min(machine["CPU"] // cores, machine["GPU"] if gpus else machine["CPU"])) for machine in fit)
    if actors == 0:
        gpu = " and a GPU" if gpus else ""
        raise InputError(f"no machine of the cluster has {cores} cores{gpu}; change --workers or --device.")
    return Capacity(actors, cores, "cuda" if gpus else "cpu")
