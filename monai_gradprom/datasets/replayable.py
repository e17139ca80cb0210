# SPDX-License-Identifier: Apache-2.0
"""Data that depend on seed, pass and item alone: not on workers, on the process, or on what was drawn before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.data import CacheDataset
from monai.transforms import RandomizableTrait, Transform
from torch.utils.data import Sampler

from monai_gradprom.errors import InputError

__all__ = ["CacheBoundary", "EpochIndex", "EpochSampler", "ReplayableDataset"]


class EpochIndex(NamedTuple):
    """Which item, in which pass over the data."""

    epoch: int
    item: int


class EpochSampler(Sampler[EpochIndex]):
    """Shuffle anew in every pass, by a permutation that is a function of ``seed`` and the pass.

    Args:
        data_source: anything with a length.
        seed: the run's seed.
        shuffle: False keeps the order.
        rank: which of several processes this is.
        num_replicas: how many processes share a pass; each takes every ``num_replicas``-th item, so that their batches
            of one moment together are the batch of a single process.
        batch_size: that of the loader in each process, when it keeps its last batch: this one may then be smaller in
            some processes than in others. None, for a loader that drops it: all processes get the same number of items.
            Left out of a pass is only what would give some processes a batch, or an item, and others none: fewer items
            than ``num_replicas``.

    Raises:
        InputError: there are fewer items than processes.
    """

    def __init__(
        self,
        data_source: Any,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        num_replicas: int = 1,
        batch_size: int | None = None,
    ) -> None:
        if len(data_source) < num_replicas:
            raise InputError(
                f"there are {len(data_source)} training images for {num_replicas} processes: start fewer processes "
                "(torchrun --nproc_per_node)."
            )
        self.data_source = data_source
        self.seed = int(seed)
        self.shuffle = shuffle
        self.rank = rank
        self.num_replicas = num_replicas
        self.batch_size = batch_size
        self.epoch = 0
        self.start = 0

    def set_position(self, epoch: int, start: int = 0) -> None:
        """Let the next iteration begin at this process's item ``start`` of pass ``epoch`` (from 0)."""
        self.epoch, self.start = int(epoch), int(start)

    def __iter__(self) -> Iterator[EpochIndex]:
        order = np.arange(len(self.data_source))
        if self.shuffle:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        mine = order[self.rank :: self.num_replicas][: len(self)]
        epoch = self.epoch
        return (EpochIndex(epoch, int(i)) for i in mine[self.start :])

    def __len__(self) -> int:
        shared = len(self.data_source)
        last = shared % (self.num_replicas * (self.batch_size or 1))
        if last < self.num_replicas:
            shared -= last
        # every num_replicas-th item from this one's first
        return len(range(self.rank, shared, self.num_replicas))


class CacheBoundary(Transform, RandomizableTrait):
    """Mark where caching ends: what comes before is cached, what comes after runs anew each time.

    MONAI's CacheDataset stops at the first random transform. Placed between loading and scaling, this keeps 8-bit
    images in the cache instead of float32, a quarter of the memory.
    """

    def __call__(self, data: Any) -> Any:
        """Return ``data``."""
        return data


class ReplayableDataset(CacheDataset):
    """CacheDataset whose random transforms are seeded per item and pass.

    With :class:`EpochSampler`, an item's augmentation and noise are a function of (seed, pass, item). A run that is
    interrupted and resumed, or that uses another number of workers, sees the same data to the bit; so do two
    strategies that are given one list of items. Under a plain integer index the item belongs to pass 0.

    Args:
        data: the list of items.
        transform: as in :class:`monai.data.CacheDataset`; everything before the first random transform is cached.
        seed: the run's seed.
        cache: every other argument, as in :class:`monai.data.CacheDataset`.
    """

    def __init__(self, data: Any, transform: Any, seed: int = 0, **cache: Any) -> None:
        self.seed = int(seed)
        self._epoch = 0
        super().__init__(data, transform, **cache)

    def __getitem__(self, index: Any) -> Any:
        """The item at an integer or :class:`EpochIndex`; slices and sequences give subsets, as in MONAI."""
        if isinstance(index, EpochIndex):
            self._epoch, index = index
        elif isinstance(index, (int, np.integer, torch.Tensor)):
            self._epoch = 0
        return super().__getitem__(index)

    def _transform(self, index: int) -> Any:
        # MONAI's generators take 32-bit seeds
        words = np.random.SeedSequence([self.seed, self._epoch, int(index)]).generate_state(1)
        self.transform.set_random_state(seed=int(words[0]))
        return super()._transform(index)
