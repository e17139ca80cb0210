# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from monai_gradprom.phantoms import complex_gaussian, deposit, draw_patient, draw_scatterers, log_compress, point_spread

SHAPE = (512, 256)


def envelope(density: float) -> np.ndarray:
    """Envelope of a homogeneous medium with so many scatterers of random phase a grid point."""
    rng = np.random.RandomState(0)
    n = int(density * SHAPE[0] * SHAPE[1])
    amplitude = np.exp(2j * np.pi * rng.uniform(size=(1, n)))
    field = deposit(rng.uniform(0, SHAPE[0] - 1, n), rng.uniform(0, SHAPE[1] - 1, n), amplitude, SHAPE)[0]
    return np.abs(point_spread(field, 1.6, 1.2))[10:-10, 10:-10]


def phantom_envelope() -> np.ndarray:
    """Envelope that a phantom's own scatterers give when every tissue scatters alike."""
    view = draw_patient(0, 1).views["4CH"]
    scanner = dataclasses.replace(view.scanner, contrast=0.0, texture=0.0, looks=1)
    scatterers = draw_scatterers(view.shape, view.sector, scanner, np.random.RandomState(0))
    places = view.sector.to_grid(*view.shape.to_plane(scatterers.s, scatterers.t))
    field = deposit(*places, scatterers.amplitude, view.sector.grid_shape)[0]
    # The width at the focus everywhere, so that there are enough independent samples for the test.
    width = view.scanner.beam_width(view.sector).min()
    return np.abs(point_spread(field, scanner.axial / view.sector.range_step, width))[30:-10, 5:-5]


def snr(values: np.ndarray) -> float:
    return float(values.mean() / values.std())


@pytest.mark.parametrize("make", [lambda: envelope(3.0), phantom_envelope], ids=["random places", "phantom"])
def test_dense_scatterers_give_fully_developed_speckle(make):
    values = make()
    assert snr(values) == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.025)  # 1.91, Burckhardt 1978
    independent = values[::14, ::10].ravel()  # farther apart than the pulse reaches
    scale = np.sqrt((values**2).mean() / 2)
    assert stats.kstest(independent, stats.rayleigh(scale=scale).cdf).pvalue > 0.05


def test_sparse_scatterers_do_not():
    assert snr(envelope(0.01)) < 1.4


def test_deposit_is_bilinear_and_drops_what_lies_outside():
    rows, columns = np.array([1.25, -5.0, 2.0, 3.0]), np.array([2.5, 1.0, 40.0, 3.5])
    field = deposit(rows, columns, np.array([[8.0 + 4j, 1, 1, 2]]), (4, 4))
    expected = np.zeros((1, 4, 4), complex)
    expected[0, 1, 2:] = (8 + 4j) * 0.75 * 0.5
    expected[0, 2, 2:] = (8 + 4j) * 0.25 * 0.5
    expected[0, 3, 3] = 1  # the other half of the last scatterer falls off the right edge
    np.testing.assert_allclose(field, expected)


def test_point_spread_is_a_gaussian_of_unit_energy():
    impulse = np.zeros((65, 81), complex)
    impulse[32, 40] = 1
    response = point_spread(impulse, 2.0, 3.0)
    assert (np.abs(response) ** 2).sum() == pytest.approx(1)
    y, x = np.mgrid[-32:33, -40:41]
    gauss = np.exp(-(y**2) / 8 - x**2 / 18)
    np.testing.assert_allclose(response.real, gauss / np.sqrt((gauss**2).sum()), atol=1e-6)


def test_point_spread_widens_with_depth_and_keeps_the_power():
    white = complex_gaussian((2000, 300), np.random.RandomState(1))
    lateral = np.where(np.arange(2000) < 1000, 1.0, 4.0)
    field = point_spread(white, 0.5, lateral)
    near, far = field[:1000], field[1000:]
    for part, sigma in ((near, 1.0), (far, 4.0)):
        assert (np.abs(part) ** 2).mean() == pytest.approx(1, rel=0.05)
        correlation = (part[:, 3:] * part[:, :-3].conj()).mean().real
        assert correlation == pytest.approx(np.exp(-(3**2) / (4 * sigma**2)), abs=0.05)


def test_log_compression_spans_the_dynamic_range():
    levels = np.array([-100.0, -40.0, -39.0, -10.0, 20.0, 60.0])  # dB
    grey = log_compress(10 ** (levels / 20), dynamic_range=60, white=20)
    np.testing.assert_allclose(grey, [0, 0, 255 / 60, 127.5, 255, 255], atol=1e-9)
    assert log_compress(np.zeros(3), 60, 20).tolist() == [0, 0, 0]
