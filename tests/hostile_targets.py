# SPDX-License-Identifier: Apache-2.0
"""What broken files are given to, and what is harm."""

from __future__ import annotations

import os
import traceback
from datetime import datetime, timezone
from functools import cache

from hostile_mutations import WORD
from hostile_seeds import beside

__all__ = ["TARGETS", "preload", "shows_the_word"]

_DATA_FILES = {"file.raw", "file.zraw", "file.mhd.raw", "file.mhd.zraw"}


def _enhance(folder, suffix, data):
    """Both passes of `monai-gradprom enhance` over one file, as a worker does them, and the result opened again."""
    from monai_gradprom.enhance.derived.image import Provenance
    from monai_gradprom.enhance.job import EnhanceJob, perform
    from monai_gradprom.enhance.look import LookJob
    from monai_gradprom.enhance.pixels.domain import Domain
    from monai_gradprom.enhance.setup import Setup
    from monai_gradprom.formats import open_image

    source, output, name = folder / "in", folder / "out", f"file{suffix}"
    _made_anew(folder, source, output / ".work")
    for path, sound in {name: data, **beside(suffix)}.items():
        (source / path).write_bytes(sound)
    provenance = Provenance("b", "1", "1", "0" * 64, "k", datetime(2026, 1, 1, tzinfo=timezone.utc), None, 1.0)
    domain = Domain(modalities=None, channels=len(data) % 2 or None, spatial_shape=None, spatial_dims=2)
    setup = Setup(source, output, output / ".work", domain, provenance, any_modality=len(data) % 3 > 0, memory=0.5)
    try:
        (facts,) = perform(setup, LookJob((name,)), _darker)
        verdict = (facts.status, facts.reason) if facts.status else None
        job = EnhanceJob(name, window=facts.window, verdict=verdict, output=facts.output)
        row = perform(setup, job, _darker)
        if row.status == "done":
            open_image(output / row.output).read()
    except BaseException as error:
        return "harm", _told(error)
    expected = {row.output} if row.status == "done" else set()
    for place in (folder, source, output):
        found = set(os.listdir(place))
        wanted = {folder: {"in", "out"}, source: {name}, output: {".work", *expected}}[place]
        if found - _DATA_FILES != wanted:
            return "harm", f"wrote {sorted(found - wanted)}"
    if shows_the_word(repr((facts.reason, facts.output, row))):
        return "harm", f"shows what the file says: {row}"
    if row.status != "done" and len(row.reason or "") < 10:
        return "harm", f"no reason but {row.reason!r}"
    if "unexpected" in (row.reason or ""):
        return "harm", _how_it_came(setup, name)
    return row.status, row.reason


def _how_it_came(setup, name):
    """The traceback that a reason leaves out."""
    from monai_gradprom.enhance import job

    try:
        image = job.open_in_domain(setup, name)
        job._written(setup, job.EnhanceJob(name), image, _darker, job.version_of(setup.input / name))
    except Exception as error:
        return _told(error)
    return "only in the first of two attempts"


def _darker(units, window):
    return units * 0.9 if units.size % 2 else units


def _read(folder, suffix, data):
    """The training data's reader; a description of CAMUS goes into a folder of CAMUS."""
    if suffix == ".cfg":
        return _camus(folder, data)
    from monai_gradprom.datasets.frame_count import count_frames
    from monai_gradprom.errors import InputError

    _made_anew(folder)
    path = folder / f"file{suffix}"
    for name, sound in {path.name: data, **beside(suffix)}.items():
        (folder / name).write_bytes(sound)
    try:
        frames = count_frames(path)
        if frames > 100_000:
            return "harm", f"{frames} frames in {len(data)} bytes"
        _loader()(path, frame=0 if frames > 1 else None)
    except InputError as error:
        return "refused", _told(error)
    except BaseException as error:
        return "harm", _told(error)
    return "done", ""


@cache
def _loader():
    from monai_gradprom.transforms.loading import LoadClinicalImage

    return LoadClinicalImage()


def _camus(folder, data):
    """A CAMUS folder with this as its cfg file and as a list of patients."""
    import nibabel
    import numpy as np

    from monai_gradprom.datasets.camus import camus_datalist
    from monai_gradprom.errors import InputError

    patient = folder / "database_nifti" / "patient0001"
    _made_anew(folder, patient)
    (patient / "Info_2CH.cfg").write_bytes(data)
    for name, shape in (("half_sequence", (4, 4, 3)), ("ED", (4, 4))):
        image = nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4))
        nibabel.save(image, patient / f"patient0001_2CH_{name}.nii.gz")
    splits = folder / "database_split"
    splits.mkdir()
    (splits / "subgroup_training.txt").write_text("patient0001")
    (splits / "subgroup_testing.txt").write_bytes(data)
    try:
        for frames in ("ed_es", "half_sequence"):
            items = camus_datalist(folder, "training", views="2CH", frames=frames)
            if shows_the_word(repr(items)):
                return "harm", f"lists what the file says: {items[0]}"
        camus_datalist(folder, "testing", views="2CH")
    except InputError as error:
        return "refused", _told(error)
    except BaseException as error:
        return "harm", _told(error)
    return "done", ""


def _made_anew(folder, *wanted):
    for place, folders, names in os.walk(folder, topdown=False):
        for name in names:
            os.unlink(os.path.join(place, name))
        for name in folders:
            os.rmdir(os.path.join(place, name))
    for place in wanted:
        place.mkdir(parents=True)


def shows_the_word(text):
    """Whether there is something of a patient in what somebody may be shown."""
    return WORD.decode().lower() in text.lower()


def _told(error):
    """As Python prints it, with the errors that it came from."""
    return "".join(traceback.format_exception(error))


def preload(target):
    """Import what takes long, once for all processes."""
    if target is _read:
        import itk
        import scipy.io

        from monai_gradprom.datasets import camus, frame_count

        _loader()
        assert itk.imread and itk.ImageFileReader and scipy.io and camus and frame_count
    from monai_gradprom.enhance import job
    from monai_gradprom.formats import dicom, pictures, volumes

    assert job and dicom and pictures and volumes


TARGETS = {"enhance": _enhance, "read": _read}
"""(folder, suffix, bytes) -> outcome and reason; the outcome "harm" is what must not be."""
