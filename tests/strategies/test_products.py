# SPDX-License-Identifier: Apache-2.0
"""Dot products and norms over lists of gradients."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from monai_gradprom.strategies import products
from monai_gradprom.strategies.products import dot_and_norms


def in_float64(a, b):
    """The three products with everything laid end to end in logical order."""
    sizes = [(x if x is not None else y).shape for x, y in zip(a, b, strict=True) if x is not None or y is not None]
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None or y is not None]
    u, v = (
        torch.cat([(torch.zeros(n) if g is None else g).double().flatten() for g, n in zip(side, sizes, strict=True)])
        for side in zip(*pairs, strict=True)
    )
    return [float(u @ v), float(u @ u), float(v @ v)]


def gradients(*shapes, dtype=torch.float32):
    return [torch.randn(shape).to(dtype) for shape in shapes]


SHAPES = [(3, 2, 3, 3), (), (5,), (40, 7), (1,), (2, 0, 4), (4, 4, 2, 2)]


@pytest.mark.parametrize("bucket", [1, 7, 50, 1 << 20])
def test_products_do_not_depend_on_buckets(monkeypatch, bucket):
    monkeypatch.setattr(products, "_BUCKET", bucket)
    a, b = gradients(*SHAPES), gradients(*SHAPES)
    assert dot_and_norms(a, b).tolist() == pytest.approx(in_float64(a, b), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("bucket", [1, 1 << 20])
def test_nothing_counts_as_zeros(monkeypatch, bucket):
    monkeypatch.setattr(products, "_BUCKET", bucket)
    a, b = gradients(*SHAPES), gradients(*SHAPES)
    a[0], b[3], a[6], b[6] = None, None, None, None
    found = dot_and_norms(a, b)
    assert found.tolist() == pytest.approx(in_float64(a, b), rel=1e-5)
    assert dot_and_norms([None], [None]).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("bucket", [1, 1 << 20])
def test_memory_layout_does_not_matter(monkeypatch, bucket):
    """The same numbers in another order of memory, on one side or on both."""
    monkeypatch.setattr(products, "_BUCKET", bucket)
    a, b = gradients((6, 5, 3, 3), (4, 3)), gradients((6, 5, 3, 3), (4, 3))
    expected = in_float64(a, b)
    other = a[0].to(memory_format=torch.channels_last), a[1].T.contiguous().T
    assert other[0].stride() != a[0].stride() and other[1].stride() != a[1].stride()
    assert dot_and_norms(list(other), b).tolist() == pytest.approx(expected, rel=1e-5)
    assert dot_and_norms(b, list(other)).tolist()[0] == pytest.approx(expected[0], rel=1e-5)
    both = [b[0].to(memory_format=torch.channels_last), b[1]]
    assert dot_and_norms(list(other), both).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("first", "second", "wide"),
    [
        (torch.bfloat16, torch.bfloat16, torch.float32),
        (torch.float16, torch.float32, torch.float32),
        (torch.float32, torch.float64, torch.float64),
    ],
)
def test_types_are_widened_before_they_are_multiplied(first, second, wide):
    a, b = gradients((300,), dtype=first) + gradients((2,)), gradients((300,), dtype=second) + gradients((2,))
    found = dot_and_norms(a, b)
    assert found.dtype == wide
    assert found.tolist() == pytest.approx(in_float64(a, b), rel=1e-5)


class Counter(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("bucket", "buckets"), [(1 << 20, 1), (400, 4)])
def test_many_small_parameters_take_few_steps_on_the_device(monkeypatch, bucket, buckets):
    """A launch per parameter would cost a GPU more than the sums themselves."""
    monkeypatch.setattr(products, "_BUCKET", bucket)
    a, b = gradients(*[(8,)] * 200), gradients(*[(8,)] * 200)
    with Counter() as counter:
        dot_and_norms(a, b)
    views = {"permute", "view", "_unsafe_view", "_reshape_alias", "alias"}
    assert counter.names.count("dot") == 3 * buckets
    assert len([name for name in counter.names if name not in views]) < 20 * buckets


def test_large_gradients_are_not_copied(monkeypatch):
    monkeypatch.setattr(products, "_BUCKET", 100)
    a, b = gradients((20, 5, 3, 3)), gradients((20, 5, 3, 3))
    a, b = ([g.to(memory_format=torch.channels_last) for g in side] for side in (a, b))
    with Counter() as counter:
        dot_and_norms(a, b)
    assert not {"cat", "clone", "copy_", "_to_copy"} & set(counter.names)
