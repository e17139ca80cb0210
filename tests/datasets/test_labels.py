# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_gradprom.datasets import agree_on_label, all_labelled
from monai_gradprom.errors import InputError

FULL = [{"image": "a", "mask": "m"}, {"image": "b", "mask": "n"}]
SOME = [{"image": "a", "mask": "m"}, {"image": "b"}, {"image": "c", "mask": "o"}]
NONE = [{"image": "a"}, {"image": "b"}]


@pytest.mark.parametrize("needed", [True, False])
def test_a_complete_list_stays(needed, caplog):
    assert agree_on_label(FULL, "mask", needed) == FULL
    assert not caplog.records


def test_items_without_a_needed_label_are_left_out_and_counted(caplog):
    assert agree_on_label(SOME, "mask", needed=True) == [SOME[0], SOME[2]]
    assert caplog.messages == ["1 of 3 training images have no mask and are left out: the recognizer learns from it."]


def test_a_label_that_nobody_needs_goes_rather_than_an_image(caplog):
    before = [dict(item) for item in SOME]
    assert agree_on_label(SOME, "mask", needed=False) == [{"image": "a"}, {"image": "b"}, {"image": "c"}]
    assert before == SOME and not caplog.records


def test_no_label_at_all():
    assert agree_on_label(NONE, "mask", needed=False) == NONE
    with pytest.raises(InputError, match=r"no training image has a 'mask'.*--strategy enhancer_only"):
        agree_on_label(NONE, "mask", needed=True)


def test_a_measure_is_not_left_out_in_silence(caplog):
    assert all_labelled(FULL, "mask", "mIoU") and not caplog.records
    assert not all_labelled(SOME, "mask", "mIoU")
    assert caplog.messages == ["mIoU is left out: 1 of 3 images have no mask."]
