# SPDX-License-Identifier: Apache-2.0
"""Every stored value comes back; a change arrives where it may, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from memory_image import MemoryImage
from PIL import Image

from monai_gradprom.enhance.pixels.pixel_map import PixelMap
from monai_gradprom.enhance.pixels.single_precision import fits_single_precision
from monai_gradprom.errors import InputError

NAN, INF = float("nan"), float("inf")
INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64"]


def image(values, dtype, **options):
    """One grey frame [1, 1, *shape] from nested lists or an array [X, Y]."""
    return MemoryImage(np.asarray(values, dtype=dtype)[None, None], **options)


def enhanced(source, change, window, channels=None, strength=1.0, factor=1):
    """What is stored after a network that applies ``change`` to the units that it is shown."""
    mapping = PixelMap(source, window, channels or source.channels, strength)
    stored = source.read()
    result = change(mapping.to_network(stored)).astype(np.float32)
    return mapping.from_network(stored, result, factor), mapping.change


def doubled(units):
    return units.repeat(2, axis=2).repeat(2, axis=3)


# --- a network that changes nothing -----------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_network_that_changes_nothing_gives_back_every_bit(data):
    dtype = np.dtype(data.draw(st.sampled_from([*INTEGERS, "float32", "float64"])))
    channels = data.draw(st.sampled_from([1, 3]))
    stored = data.draw(arrays(dtype, (2, channels, 4, 3)))
    slope = data.draw(st.sampled_from([1.0, 0.37, -2.5, 1e-3, 1 / 3]))
    low = data.draw(st.floats(-1e6, 1e6))
    source = MemoryImage(
        stored,
        rescale=(slope, data.draw(st.sampled_from([0.0, -1024.0, 0.1]))),
        inverted=data.draw(st.booleans()),
        padding=data.draw(st.sampled_from([None, (0, 0), (3, 9)])),
        regions=data.draw(st.sampled_from([None, (), ((1, 0, 3, 2),)])),
    )
    window = (low, low + data.draw(st.floats(0, 1e6)))
    strength = data.draw(st.sampled_from([0.0, 0.3, 1.0]))
    written, change = enhanced(source, lambda units: units, window, data.draw(st.sampled_from([1, 3])), strength)
    assert written.dtype == dtype and written.tobytes() == stored.tobytes()
    assert change.mean_abs == change.max_abs == 0


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
@pytest.mark.parametrize("intercept", [0.0, -1024.0, 3.0, 0.5, 1e8 + 1])
def test_units_are_those_of_double_precision(dtype, intercept):
    """In single precision only where that is exact, which -1024 is and 1e8 + 1 is not."""
    info = np.iinfo(dtype)
    values = np.arange(info.min, info.max + 1).reshape(16, -1)
    source = image(values, dtype, rescale=(1.0, intercept))
    shown = PixelMap(source, (0.0, 1.0), 1).to_network(source.read())
    expected = np.float32([[float(value) + intercept for value in row] for row in values])
    assert shown.dtype == np.float32 and shown[0, 0].tobytes() == expected.tobytes()
    assert fits_single_precision(source) == (intercept in (0.0, -1024.0, 3.0))


def test_where_single_precision_would_round():
    assert not fits_single_precision(image([[1]], "uint32")) and not fits_single_precision(image([[1]], "float32"))
    assert not fits_single_precision(image([[1]], "uint8", rescale=(2.0, 0.0)))
    assert fits_single_precision(image([[1]], "uint32", limits=(0, 2**24)))


def test_the_way_back_into_a_given_array_and_for_frames_it_has_not_seen():
    source = image([[10, 20], [30, 40]], "uint8")
    mapping = PixelMap(source, (0.0, 255.0), 1)
    stored = source.read()
    mapping.to_network(stored)
    other = stored + np.uint8(100)
    out = np.zeros_like(stored)
    assert mapping.from_network(other, other + np.float32(1), out=out) is out
    np.testing.assert_array_equal(out, other + 1)
    np.testing.assert_array_equal(mapping.from_network(stored, stored + np.float32(2)), stored + 2)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
@pytest.mark.parametrize("inverted", [False, True])
def test_every_value_of_a_type_comes_back_under_a_fractional_slope(dtype, inverted):
    info = np.iinfo(dtype)
    values = np.arange(info.min, info.max + 1).reshape(16, -1)
    source = image(values, dtype, rescale=(0.0123, -7.7), inverted=inverted)
    written, _ = enhanced(source, lambda units: units, (-50.0, 60.0))
    np.testing.assert_array_equal(written[0, 0], values)


# --- what the network sees --------------------------------------------------------------------------------------------


def test_the_network_sees_modality_units():
    shown = PixelMap(image([[0, 100, 4000]], "int16", rescale=(0.5, -1000.0)), (-1000, 1000), 1)
    units = shown.to_network(shown.image.read())
    assert units.dtype == np.float32 and units.tolist() == [[[[-1000.0, -950.0, 1000.0]]]]


def test_monochrome1_is_shown_bright_is_high_within_the_same_window():
    source = image([[0, 10, 255]], "uint8", inverted=True)
    assert PixelMap(source, (0, 255), 1).to_network(source.read()).tolist() == [[[[255.0, 245.0, 0.0]]]]


def test_padding_and_what_is_no_number_are_shown_as_the_windows_ends():
    source = image([[-9.0, NAN, INF, -INF, 1e300, 0.5]], "float64", padding=(-9, -9))
    assert PixelMap(source, (0, 1), 1).to_network(source.read()).tolist() == [[[[0, 0, 1, 0, 1, 0.5]]]]


def test_colour_is_shown_to_a_grey_network_as_luminance_and_grey_to_a_colour_network_three_times():
    colour = MemoryImage(np.array([200, 100, 50], dtype=np.uint8).reshape(1, 3, 1, 1))
    grey = PixelMap(colour, (0, 255), 1).to_network(colour.read())
    np.testing.assert_allclose(grey, [[[[0.299 * 200 + 0.587 * 100 + 0.114 * 50]]]], rtol=1e-6)
    single = image([[7]], "uint8")
    assert PixelMap(single, (0, 255), 3).to_network(single.read()).ravel().tolist() == [7, 7, 7]


# --- a change arrives -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slope", "inverted", "strength", "change", "stored_change"),
    [(1, False, 1, 3, 3), (0.5, False, 1, 3, 6), (-0.5, False, 1, 3, -6), (1, True, 1, 3, -3), (1, False, 0.5, 6, 3)],
)
def test_a_change_of_units_arrives_as_the_right_stored_change(slope, inverted, strength, change, stored_change):
    source = image([[50, 60], [70, 80]], "int16", rescale=(slope, 12.0), inverted=inverted)
    written, counted = enhanced(source, lambda units: units + change, (-1000, 1000), strength=strength)
    np.testing.assert_array_equal(written[0, 0], np.array([[50, 60], [70, 80]]) + stored_change)
    assert counted.mean_abs == counted.max_abs == abs(stored_change)


def test_it_is_rounded_once_half_to_even():
    written, _ = enhanced(image([[10, 11, 12]], "uint8"), lambda units: units + 0.5, (0, 255))
    assert written.ravel().tolist() == [10, 12, 12]
    written, _ = enhanced(image([[10, 11, 12]], "uint8"), lambda units: units + 1, (0, 255), strength=0.5)
    assert written.ravel().tolist() == [10, 12, 12]


def test_it_is_clipped_to_what_the_file_can_hold():
    source = image([[5, 4090, 4095]], "uint16", limits=(0, 4095))
    assert enhanced(source, lambda units: units + 9, (0, 4095))[0].ravel().tolist() == [14, 4095, 4095]
    assert enhanced(source, lambda units: units - 9, (0, 4095))[0].ravel().tolist() == [0, 4081, 4086]


def test_floats_are_not_rounded():
    written, _ = enhanced(image([[0.25, 0.5]], "float32"), lambda units: units + 0.125, (0, 1))
    assert written.ravel().tolist() == [0.375, 0.625]


def test_values_outside_the_window_pass_its_ends_do_not():
    source = image([[-11, -10, 0, 10, 11]], "int16")
    assert enhanced(source, lambda units: units + 3, (-10, 10))[0].ravel().tolist() == [-11, -7, 3, 13, 11]


def test_the_ends_of_a_window_that_single_precision_cannot_hold_count_as_inside():
    # 0.3 is a little more in single precision than in double
    window = np.float64(0.1) * 2, np.float64(0.1) * 3
    source = image([[2, 3]], "int16", rescale=(0.1, 0.0))
    assert enhanced(source, lambda units: units + 0.1, window)[0].ravel().tolist() == [3, 4]


def test_the_largest_whole_number_does_not_wrap():
    source = image([[2**63 - 1, 2**62]], "int64")
    written, _ = enhanced(source, lambda units: units + 2.0**60, (-1e19, 1e19))
    assert written.ravel().tolist() == [2**63 - 1024, 2**62 + 2**60]  # the last float64 below 2**63


def test_padding_and_what_is_no_number_pass():
    source = image([[-9.0, NAN, INF, -INF, 0.5]], "float32", padding=(-9, -9))
    written, change = enhanced(source, lambda units: units + 0.25, (-10, 1))
    np.testing.assert_array_equal(written.ravel(), np.array([-9, NAN, INF, -INF, 0.75], dtype=np.float32))
    assert change.max_abs == 0.25 and change.mean_abs == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("stored", "padding", "change", "expected"),
    [
        ([9, 20, 1, 3], 3, -6, [4, 14, 0, 3]),  # 9 - 6 is the padding: it stays above
        ([9, 20, 1, 7], 7, +6, [15, 26, 6, 7]),  # 1 + 6 is the padding: it stays below
    ],
)
def test_a_changed_pixel_never_becomes_padding(stored, padding, change, expected):
    source = image([stored], "uint8", padding=(padding, padding))
    assert enhanced(source, lambda units: units + change, (0, 255))[0].ravel().tolist() == expected


def test_only_regions_change():
    source = image(np.zeros((6, 5)), "uint8", regions=((1, 2, 3, 4), (5, 0, 99, 1)))
    written, _ = enhanced(source, lambda units: units + 1, (0, 255))
    expected = np.zeros((6, 5))
    expected[1:3, 2:4] = 1  # x, then y
    expected[5, 0] = 1
    np.testing.assert_array_equal(written[0, 0], expected)


def test_where_no_region_can_be_enhanced_nothing_changes():
    assert not enhanced(image(np.zeros((4, 4)), "uint8", regions=()), lambda units: units + 1, (0, 255))[0].any()


def test_a_change_of_luminance_leaves_chroma():
    colour = MemoryImage(np.array([[200, 254], [100, 0], [50, 9]], dtype=np.uint8).reshape(1, 3, 2, 1))
    written, _ = enhanced(colour, lambda units: units + 3, (0, 255), channels=1)
    assert written.reshape(3, 2).T.tolist() == [[203, 103, 53], [255, 3, 12]]


def test_a_colour_networks_change_of_grey_is_its_luminance():
    rgb = np.array([10, 20, 30], dtype=np.float32).reshape(1, 3, 1, 1)
    written, _ = enhanced(image([[100]], "uint8"), lambda units: units + rgb, (0, 255), channels=3)
    assert written.item() == 100 + round(2.99 + 11.74 + 3.42)


def test_colour_networks_change_each_channel():
    colour = MemoryImage(np.full((1, 3, 1, 2), 100, dtype=np.uint8))
    rgb = np.array([1, 2, -3], dtype=np.float32).reshape(1, 3, 1, 1)
    assert enhanced(colour, lambda units: units + rgb, (0, 255))[0][0, :, 0, 0].tolist() == [101, 102, 97]


def test_frames_are_told_apart():
    stack = MemoryImage(np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1))
    shift = np.array([10, 20, 30], dtype=np.float32).reshape(3, 1, 1, 1)
    assert enhanced(stack, lambda units: units + shift, (0, 255))[0].ravel().tolist() == [10, 21, 32]


# --- super-resolution -------------------------------------------------------------------------------------------------


def test_unchanged_places_hold_the_bicubic_source():
    values = np.random.default_rng(0).integers(40, 200, (30, 24)).astype(np.uint8)
    source = image(values, "uint8", regions=((0, 0, 10, 24),))
    written, _ = enhanced(source, lambda units: doubled(units) * 0 + 7, (0, 255), factor=2)
    assert written.shape == (1, 1, 60, 48) and (written[0, 0, :20] == 7).all()
    # Pillow's borders differ within two source pixels
    pillow = np.asarray(Image.fromarray(values.astype(np.float32)).resize((48, 60), Image.Resampling.BICUBIC))
    expected = pillow.round().clip(0, 255)
    np.testing.assert_array_equal(written[0, 0, 20:56, 4:44], expected[20:56, 4:44])


def test_padding_is_repeated_and_does_not_ring():
    values = np.full((8, 8), 100)
    values[:4] = -2000
    source = image(values, "int16", padding=(-2000, -2000))
    written, _ = enhanced(source, doubled, (0, 50), factor=2)  # 100 is outside the window: all is interpolated
    assert (written[0, 0, :8] == -2000).all() and (written[0, 0, 8:] == 100).all()


def test_nan_is_repeated():
    source = image([[NAN, 1.0], [1.0, 1.0]], "float32")
    written, change = enhanced(source, lambda units: doubled(units) * 0 + 1, (0, 1), factor=2)
    assert np.isnan(written[0, 0, :2, :2]).all() and np.nan_to_num(written, nan=1.0).min() == 1
    empty = image(np.full((2, 2), NAN), "float32")  # a slice outside of what was imaged
    assert np.isnan(enhanced(empty, doubled, (0, 1), factor=2)[0]).all()
    assert change.max_abs == 0


def test_strength_blends_with_the_interpolated_source():
    source = image(np.full((4, 4), 100), "uint8")
    written, change = enhanced(source, lambda units: doubled(units) + 20, (0, 255), strength=0.25, factor=2)
    assert (written == 105).all() and change.mean_abs == change.max_abs == 5


def test_luminance_under_super_resolution():
    colour = MemoryImage(np.broadcast_to(np.array([200, 100, 50], np.uint8).reshape(1, 3, 1, 1), (1, 3, 4, 4)).copy())
    written, _ = enhanced(colour, lambda units: doubled(units) + 3, (0, 255), channels=1, factor=2)
    assert written.shape == (1, 3, 8, 8) and (written[0] == np.array([203, 103, 53]).reshape(3, 1, 1)).all()


def test_volumes():
    source = MemoryImage(np.full((1, 1, 3, 4, 5), 10, dtype=np.int16), spatial_dims=3)
    written, _ = enhanced(source, lambda units: np.full((1, 1, 6, 8, 10), 12.0), (0, 100), factor=2)
    assert written.shape == (1, 1, 6, 8, 10) and (written == 12).all()


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "window", "strength", "words"),
    [
        ({}, (0, 255), 1.5, "strength"),
        ({}, (0, 255), NAN, "strength"),
        ({}, (5, 1), 1, "--window"),
        ({}, (0, INF), 1, "--window"),
        ({"rescale": (0.0, 3.0)}, (0, 255), 1, "slope"),
    ],
)
def test_what_cannot_be_is_refused(options, window, strength, words):
    with pytest.raises(InputError, match=words):
        PixelMap(image([[1]], "uint8", **options), window, 1, strength)


@pytest.mark.parametrize("bad", [NAN, INF])
def test_nan_is_never_stored(bad):
    with pytest.raises(InputError, match="NaN"):
        enhanced(image([[1, 2]], "uint8"), lambda units: units * bad, (0, 255))


def test_a_result_of_another_shape_is_a_fault():
    with pytest.raises(ValueError, match="shape"):
        enhanced(image([[1, 2]], "uint8"), doubled, (0, 255))
