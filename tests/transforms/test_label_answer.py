# SPDX-License-Identifier: Apache-2.0
"""What MONAI Label's app is handed: whole values of the right type, the place of the result, nothing to resize."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import AnswerMONAILabeld

AFFINE = np.diag([-0.5, -0.25, 1.0, 1.0])


def item(values, stored="uint8", factor=1, **more):
    spatial = [side // factor for side in values.shape[1:]]
    meta = {"original_affine": AFFINE, "spatial_shape": np.array(spatial), "stored_dtype": stored}
    pred = MetaTensor(torch.as_tensor(values, dtype=torch.float32), affine=AFFINE, meta=meta)
    return {"image": torch.zeros(1, *spatial), "pred": pred, "image_path": "/data/a.nii.gz", **more}


def test_outside_of_label_nothing_happens():
    data = item(np.full((1, 2, 3), 1.7))
    del data["image_path"]
    assert AnswerMONAILabeld()(data) == data


@pytest.mark.parametrize("stored, wanted", [("uint8", None), ("int16", "uint8"), ("float32", np.uint8)])
def test_values_are_rounded_and_clipped_and_never_wrap(stored, wanted):
    data = item(np.array([[[-3.0, 0.5, 1.5, 254.6, 256.0, 300.0]]]), stored)
    answer = AnswerMONAILabeld()(data | ({} if wanted is None else {"result_dtype": wanted}))
    assert answer["pred"].dtype == np.uint8
    assert np.ravel(answer["pred"]).tolist() == [0, 0, 2, 255, 255, 255]


def test_an_image_is_a_flat_volume_and_colour_lies_behind():
    grey = AnswerMONAILabeld()(item(np.arange(6).reshape(1, 2, 3)))
    assert grey["pred"].shape == (2, 3, 1)
    colours = np.arange(18).reshape(3, 2, 3)
    colour = AnswerMONAILabeld()(item(colours))
    np.testing.assert_array_equal(colour["pred"], np.moveaxis(colours, 0, -1))
    volume = AnswerMONAILabeld()(item(np.arange(24).reshape(1, 2, 3, 4)))
    np.testing.assert_array_equal(volume["pred"], np.arange(24).reshape(2, 3, 4))


def test_the_input_is_gone_so_that_nothing_is_resized_to_it():
    assert "image" not in AnswerMONAILabeld()(item(np.zeros((1, 2, 2))))


def test_super_resolution_has_a_finer_grid_over_the_same_field_of_view():
    answer = AnswerMONAILabeld()(item(np.zeros((1, 8, 4)), factor=2))
    found = answer["image_meta_dict"]["original_affine"]
    np.testing.assert_allclose(np.diag(found)[:2], [-0.25, -0.125])
    # the corner of the first pixel stays: half a pixel before its centre
    np.testing.assert_allclose(found[:2, 3] - np.diag(found)[:2] / 2, -np.diag(AFFINE)[:2] / 2)


def test_a_volume_in_colour_is_refused():
    with pytest.raises(InputError, match="volume in colour"):
        AnswerMONAILabeld()(item(np.zeros((3, 2, 2, 2))))


def test_an_unknown_type_is_refused():
    with pytest.raises(InputError):
        AnswerMONAILabeld()(item(np.zeros((1, 2, 2)), result_dtype="uint7"))
