# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_gradprom.datasets import agree_on_labels, report_unlabelled, require_classes
from monai_gradprom.errors import InputError

FULL = [{"image": "a", "mask": "m"}, {"image": "b", "mask": "n"}]
SOME = [{"image": "a", "mask": "m"}, {"image": "b"}, {"image": "c", "mask": "o"}]
NONE = [{"image": "a"}, {"image": "b"}]


@pytest.mark.parametrize("needed", [True, False])
def test_a_complete_list_stays(needed, caplog):
    assert agree_on_labels(FULL, {"mask": needed}) == FULL
    assert not caplog.records


def test_items_without_a_needed_label_are_left_out_and_counted(caplog):
    assert agree_on_labels(SOME, {"mask": True}) == [SOME[0], SOME[2]]
    assert caplog.messages == ["1 of 3 training images have no mask and are left out: the others have it."]


def test_a_label_that_nobody_needs_goes_rather_than_an_image(caplog):
    before = [dict(item) for item in SOME]
    assert agree_on_labels(SOME, {"mask": False}) == [{"image": "a"}, {"image": "b"}, {"image": "c"}]
    assert before == SOME and not caplog.records


def test_no_label_at_all():
    assert agree_on_labels(NONE, {"mask": False}) == NONE
    with pytest.raises(InputError, match=r"no training image has a 'mask'.*--strategy enhancer_only"):
        agree_on_labels(NONE, {"mask": True})


BOTH = [
    {"id": "a", "diagnosis": 0, "mask": "m"},
    {"id": "b", "diagnosis": 1},
    {"id": "c", "mask": "o"},
    {"id": "d", "diagnosis": 1, "mask": "p"},
]


def test_several_labels_at_once(caplog):
    assert agree_on_labels(BOTH, {"diagnosis": True, "mask": True}) == [BOTH[0], BOTH[3]]
    assert caplog.messages == [
        "2 of 4 training images have no diagnosis or no mask and are left out: the others have them."
    ]


def test_a_useless_label_is_looked_at_among_the_items_that_stay():
    assert [sorted(i) for i in agree_on_labels(BOTH, {"diagnosis": True, "mask": False})] == [["diagnosis", "id"]] * 3
    assert agree_on_labels([BOTH[0], {"id": "e"}, BOTH[3]], {"diagnosis": True, "mask": False}) == [BOTH[0], BOTH[3]]
    assert agree_on_labels(BOTH, {"diagnosis": False, "mask": False}) == [{"id": item["id"]} for item in BOTH]


def test_labels_that_never_meet():
    with pytest.raises(InputError, match=r"no training image has all of diagnosis, mask.*--recognition"):
        agree_on_labels(BOTH[1:3], {"diagnosis": True, "mask": True})
    with pytest.raises(InputError, match="no training image has a 'mask'"):
        agree_on_labels(BOTH[1:2], {"diagnosis": True, "mask": True})


def test_images_that_recognition_is_not_measured_on_are_counted(caplog):
    items = [dict(item) for item in BOTH]
    report_unlabelled(items, ["diagnosis", "mask"])
    assert caplog.messages == [
        "recognition is measured without 1 of 4 images: no diagnosis.",
        "recognition is measured without 1 of 4 images: no mask.",
    ]
    assert items == BOTH
    caplog.clear()
    report_unlabelled(BOTH[1:], {"mask": "mask"})  # a mapping, as the recognizers' target_keys
    assert caplog.messages == ["recognition is measured without 1 of 3 images: no mask."]


def test_complete_or_unmeasured_labels_are_not_reported(caplog):
    report_unlabelled(FULL, ["mask"])
    report_unlabelled(SOME, [])
    assert not caplog.records


def test_each_class_must_have_an_image(caplog):
    require_classes(BOTH, "diagnosis", ["no", "yes"])
    assert not caplog.records
    with pytest.raises(
        InputError, match=r"no training image is of class 'MEL' or 'DF' \(diagnosis: 1 NV, 2 BKL, 0 MEL"
    ):
        require_classes(BOTH, "diagnosis", ["NV", "BKL", "MEL", "DF"])
    with pytest.raises(InputError, match=r"image 'b' has diagnosis 1; give 0 to 0 for NV"):
        require_classes(BOTH, "diagnosis", ["NV"])


def test_where_classes_are_ours_two_will_do(caplog):
    require_classes(BOTH, "diagnosis", ["a", "b", "c"], every=False)
    assert caplog.messages == ["no training image is of class 'c' (diagnosis: 1 a, 2 b, 0 c)."]
    with pytest.raises(InputError, match="no training image is of class 'a' or 'c'"):
        require_classes(BOTH[1:], "diagnosis", ["a", "b", "c"], every=False)
