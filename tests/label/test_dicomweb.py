# SPDX-License-Identifier: Apache-2.0
"""Enhanced series go back to a DICOMweb server beside their sources, as folder enhancement writes them."""

from __future__ import annotations

import io
import json

import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_datasets import US_CINE, colour, write_dicom, write_series
from label_server import BUNDLES as SHIPPED
from label_server import label_server
from miniatures import blob
from orthanc import MISSING, orthanc

from monai_gradprom.cli import main
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance

pytest.importorskip("monailabel", reason="MONAI Label has an environment of its own: make test-label")
pytestmark = pytest.mark.skipif(MISSING, reason="needs Orthanc and its DICOMweb plug-in: apt install orthanc-dicomweb")

STUDY = "1.2.826.0.1.3680043.10.1"
SERIES = {"cine": f"{STUDY}.1", "slices": f"{STUDY}.2", "slide": f"{STUDY}.3"}
BUNDLE = {"cine": "camus_denoise", "slices": "covidct_denoise", "slide": "lizard_sr"}
PATIENT = {"PatientName": "Doe^Jane", "PatientID": "secret-7", "StudyInstanceUID": STUDY, "StudyDate": "20200101"}
# of the object itself, or of when it was made
OWN = {"SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "ContributingEquipmentSequence"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """An ultrasound cine, three CT slices, a colour image; one study."""
    folder, rng = tmp_path_factory.mktemp("sources"), np.random.default_rng(0)
    cine = np.stack([np.clip(blob(rng, (44, 52))[0] + rng.normal(0, 20, (44, 52)), 0, 255) for _ in range(3)])
    write_dicom(
        folder / "cine" / "1",
        cine.astype(np.uint8),
        SOPClassUID=US_CINE,
        Modality="US",
        SOPInstanceUID=f"{STUDY}.1.1",
        SeriesInstanceUID=SERIES["cine"],
        **PATIENT,
    )
    write_series(
        folder / "slices",
        count=3,
        rows=40,
        columns=36,
        SeriesInstanceUID=SERIES["slices"],
        WindowCenter=0,
        WindowWidth=1200,
        **PATIENT,
    )
    for number, path in enumerate(sorted((folder / "slices").iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.2.{number + 1}"
        dataset.save_as(path)
    rgb, _ = blob(rng, (24, 30), channels=3)
    elements = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "SM", "SOPInstanceUID": f"{STUDY}.3.1"}
    write_dicom(
        folder / "slide" / "1",
        rgb.tobytes(),
        SeriesInstanceUID=SERIES["slide"],
        **elements,
        **PATIENT,
        **colour(24, 30),
    )
    return folder


@pytest.fixture(scope="module")
def pacs(sources, tmp_path_factory):
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        for path in sorted(sources.rglob("*")):
            if path.is_file():
                server.upload(path)
        yield server


@pytest.fixture(scope="module")
def server(pacs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("label")
    bundles = [str(SHIPPED / name) for name in BUNDLE.values()]
    assert main(["label-app", str(folder / "app"), "--bundle", *bundles]) == 0
    settings = {"MONAI_LABEL_DICOMWEB_SEARCH_FILTER": "{}"}
    conf = {"any_modality": "true"}
    with label_server(folder / "app", pacs.dicomweb, folder, conf, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def stored(server):
    """Kind -> UID of the series that was stored, and the answer."""
    answers = {kind: server.infer(BUNDLE[kind], SERIES[kind]) for kind in SERIES}
    return {kind: (answer.params["stored"], answer) for kind, answer in answers.items()}


def series_of(pacs):
    """UID -> Series Description, or None, of the study's series, by QIDO-RS."""
    found = pacs.get(f"/dicom-web/studies/{STUDY}/series", includefield="SeriesDescription")
    return {one["0020000E"]["Value"][0]: (one.get("0008103E", {}).get("Value") or [None])[0] for one in found}


def objects(files):
    datasets = [pydicom.dcmread(io.BytesIO(content)) for content in files]
    return {str(dataset.SourceImageSequence[0].ReferencedSOPInstanceUID): dataset for dataset in datasets}


def test_the_enhanced_series_lie_beside_their_sources(pacs, stored):
    listed = series_of(pacs)
    new = {uid for uid, _ in stored.values()}
    assert len(new) == len(SERIES) and new.isdisjoint(SERIES.values())
    assert set(listed) == new | set(SERIES.values())
    assert all("enhanced" in listed[uid].lower() for uid in new)
    counts = {kind: len(pacs.files(uid)) for kind, (uid, _) in stored.items()}
    assert counts == {"cine": 1, "slices": 3, "slide": 1}


@pytest.mark.parametrize("kind", SERIES)
def test_they_are_what_folder_enhancement_writes(kind, sources, pacs, stored, tmp_path):
    out = tmp_path / "out"
    options = Options(sources / kind, out, SHIPPED / BUNDLE[kind], device="cpu", workers=0, any_modality=True)
    assert run_enhance(options) == 0
    expected = objects([path.read_bytes() for path in out.iterdir() if path.suffix not in (".json", ".jsonl", ".html")])
    found = objects(pacs.files(stored[kind][0]))
    assert found.keys() == expected.keys() == objects_of(sources / kind)
    for name, dataset in found.items():
        wanted = expected[name]
        np.testing.assert_array_equal(dataset.pixel_array, wanted.pixel_array)
        assert dataset.ImageType[0] == "DERIVED" and dataset.PatientName == "Doe^Jane"
        kept = [element for element in wanted if not _own(element.keyword)]
        assert len(kept) > 20
        assert [dataset[element.tag] for element in kept] == kept
        assert {e.tag for e in dataset} == {e.tag for e in wanted}


def _own(keyword):
    return keyword in OWN or keyword.endswith(("Date", "Time"))


def objects_of(folder):
    return {str(pydicom.dcmread(path).SOPInstanceUID) for path in folder.iterdir()}


def test_the_pixels_have_changed_and_the_larger_ones_are_larger(sources, pacs, stored):
    (cine,) = objects(pacs.files(stored["cine"][0])).values()
    before = pydicom.dcmread(sources / "cine" / "1").pixel_array
    assert cine.pixel_array.shape == before.shape
    assert np.abs(cine.pixel_array.astype(int) - before).mean() > 1
    (slide,) = objects(pacs.files(stored["slide"][0])).values()
    assert slide.pixel_array.shape == (48, 60, 3)


def test_the_answer_is_the_stored_series(pacs, stored, tmp_path):
    volume = np.asarray(nib.load(stored["cine"][1].save(tmp_path)).dataobj)
    (cine,) = objects(pacs.files(stored["cine"][0])).values()
    np.testing.assert_array_equal(volume, cine.pixel_array.transpose(2, 1, 0))


def test_asking_again_stores_nothing_twice(server, pacs, stored):
    before = sorted(pacs.get("/instances"))
    assert server.infer(BUNDLE["slices"], SERIES["slices"]).params["stored"] == stored["slices"][0]
    assert sorted(pacs.get("/instances")) == before


def test_the_new_series_can_be_asked_for_at_once(server, stored):
    assert server.get_json("/datastore/")["total"] == 2 * len(SERIES)


def test_our_log_says_nothing_of_the_patient(server, stored):
    ours = [line for line in server.printed().splitlines() if "monai_gradprom" in line]
    assert ours and not any(secret in json.dumps(ours) for secret in ("Doe", "secret-7", STUDY))
