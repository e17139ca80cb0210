# SPDX-License-Identifier: Apache-2.0
"""Small files that stand for gigabytes, and headers that claim them: refused with a reason, in little memory."""

from __future__ import annotations

import gzip
import struct
import zlib

import numpy as np
import pytest
from dicom_datasets import write_dicom
from enhance_commands import Command, arguments, rows
from enhance_inputs import shifting, write_mhd, write_picture
from hostile_seeds import seeds
from PIL import Image
from pool_tasks import greedy

from monai_gradprom.datasets.folder import folder_datalist
from monai_gradprom.datasets.frame_count import count_frames
from monai_gradprom.enhance.processes import memory_limit
from monai_gradprom.enhance.processes.pool import Lost, WorkerPool
from monai_gradprom.errors import InputError
from monai_gradprom.formats import open_image
from monai_gradprom.formats.guard import huge_pictures
from monai_gradprom.transforms.loading import LoadClinicalImage
from monai_gradprom.transforms.nuclei_reader import read_nuclei

MIB = 1 << 20


def deflated_zeros(count):
    """``count`` bytes of zero as deflate has them, from one mebibyte repeated."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)) * (count // MIB) + b"\3\0"


def gzipped(head, zeros):
    """Bytes followed by so many zeros; the checksum is wrong, where nobody should get."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH) + deflated_zeros(zeros) + bytes(8)


def deflated_dicom(path):
    """300 MiB of zeros in 300 kB, as the value of a private element."""
    meta = write_dicom(path, None, Rows=1).read_bytes()
    head = meta[: meta.index(b"\x08\0\x16\0UI")].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    length = struct.unpack_from("<I", head, 140)[0] + 2
    head = head[:140] + struct.pack("<I", length) + head[144:]
    at = head.index(b"1.2.840.10008.1.2.1.99")
    head = head[: at - 2] + struct.pack("<H", 22) + head[at:]
    path.write_bytes(head + deflated_zeros(300 * MIB))
    return path


def nifti_header(*dim, offset=352.0, code=2, bits=8):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, *dim, *[1] * (8 - len(dim)))
    struct.pack_into("<hh", head, 70, code, bits)
    struct.pack_into("<f", head, 108, offset)
    head[344:348] = b"n+1\0"
    return bytes(head)


def png_header(width, height, depth=8, kind=0):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_a_deflated_dicom_file(tmp_path):
    path = deflated_dicom(tmp_path / "a")
    assert path.stat().st_size < MIB
    with pytest.raises(InputError, match="as no image does"):
        open_image(path)


def test_deflated_dicom_files_as_they_should_be_are_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(next(data for data in seeds("dicom") if b"1.2.840.10008.1.2.1.99" in data[:400]))
    assert open_image(path).read().size == 512 * 512


def test_gzipped_volumes(tmp_path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzipped(nifti_header(3, 1000, 1000, 300), 300 * MIB))
    assert path.stat().st_size < MIB
    with pytest.raises(InputError, match="as no image does"):
        open_image(path)
    # the same that compress as images do
    values = np.random.default_rng(0).integers(0, 255, 90, dtype=np.uint8).tobytes()
    path.write_bytes(gzip.compress(nifti_header(3, 10, 9, 1) + values))
    assert open_image(path).read().tobytes() != bytes(90)


def test_extensions_of_a_gzipped_volume(tmp_path):
    """They lie before the voxels and are read whole."""
    path = tmp_path / "a.nii.gz"
    head = nifti_header(2, 10, 9, offset=float(1 << 29))[:348] + b"\1\0\0\0" + struct.pack("<ii", 1 << 29, 6)
    path.write_bytes(gzipped(head, 512 * MIB))
    with pytest.raises(InputError, match="correct vox_offset"):
        open_image(path)


@pytest.mark.parametrize("suffix", ["nii.gz", "mha"])
def test_frames_beyond_number(tmp_path, suffix):
    """Of single pixels: some hundred kilobytes that would keep a worker, or the list of a data set, busy for hours."""
    path = tmp_path / f"a.{suffix}"
    if suffix == "mha":
        head = "ObjectType = Image\nNDims = 3\nDimSize = 1 1 300000\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
        path.write_bytes(head.encode() + bytes(300_000))
    else:
        path.write_bytes(gzip.compress(nifti_header(4, 1, 1, 3000, 100) + bytes(300_000)))
    for count in (open_image, count_frames):
        with pytest.raises(InputError, match="300000 frames"):
            count(path)
    assert len(folder_datalist(tmp_path)) == 1  # as a file that the loader will refuse


def test_a_dicom_file_of_single_pixels(tmp_path):
    path = write_dicom(tmp_path / "a", np.zeros((300_000, 1, 1), np.uint8))
    with pytest.raises(InputError, match="300000 frames"):
        open_image(path)


@pytest.mark.parametrize("lie", [2**31 - 1, 1000])
def test_more_frames_than_there_are(tmp_path, lie):
    path = write_dicom(tmp_path / "a", np.zeros((3, 5, 4), np.uint8), NumberOfFrames=lie)
    with pytest.raises(InputError, match=r"truncated|frames"):
        open_image(path)


def test_a_label_of_absurd_size(tmp_path):
    import scipy.io

    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"inst_map": np.zeros((4, 4), np.uint8), "id": [1], "class": [1]})
    read_nuclei(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<ii", data, data.index(struct.pack("<ii", 4, 4), 128), 1 << 15, 1 << 15)
    path.write_bytes(data)
    with pytest.raises(ValueError, match="32768 x 32768 values"):
        read_nuclei(path)


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg", "bmp", "nii.gz"])
def test_absurd_sizes_in_training_data(tmp_path, suffix):
    """Libraries would make room for them first."""
    path = tmp_path / f"a.{suffix}"
    if suffix == "nii.gz":
        path.write_bytes(gzipped(nifti_header(3, 1000, 1000, 300), 300 * MIB))
    else:
        Image.fromarray(np.zeros((9, 8), np.uint8)).save(path)
        data = bytearray(path.read_bytes())
        at, form = {"tif": (18, "<I"), "png": (16, ">I"), "jpg": (data.find(b"\xff\xc0") + 5, ">H"), "bmp": (18, "<I")}[
            suffix
        ]
        if suffix == "tif":
            at = data.index(struct.pack("<HHI", 256, 4, 1)) + 8
            struct.pack_into(form, data, data.index(struct.pack("<HHI", 257, 4, 1)) + 8, 60_000)
        else:
            struct.pack_into(form, data, at + struct.calcsize(form), 60_000)
        struct.pack_into(form, data, at, 60_000)
        if suffix == "png":
            struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
        path.write_bytes(data)
    with pytest.raises(InputError, match=r"cut it into tiles|as no image does|DecompressionBomb"):
        LoadClinicalImage()(path)


@pytest.mark.parametrize(
    ("key", "value"), [("NDims", "99999999999999999999"), ("DimSize", "60000 60000"), ("ElementDataFile", "/dev/zero")]
)
def test_metaimage_headers_in_training_data(tmp_path, key, value):
    """ITK would count the axes, make room for the voxels, and read for ever."""
    path = write_mhd(tmp_path / "a.mhd")
    assert LoadClinicalImage()(path).shape == (1, 6, 5)
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{key} = {value}\n" if line.startswith(key) else f"{line}\n" for line in lines))
    with pytest.raises(InputError):
        LoadClinicalImage()(path)


def test_tiff_in_deep_colours_in_training_data(tmp_path):
    """Over which ITK would load all of its modules, 1.3 GB, to tell that it has no type for it."""
    import tifffile

    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 9, 3), np.uint16), photometric="rgb")
    with pytest.raises(InputError, match="more than 8 bits"):
        LoadClinicalImage()(path)


def test_the_limit_for_pictures_is_lifted_for_a_while_only(tmp_path):
    """By those who ask how much memory a picture takes before they read it."""
    path = tmp_path / "a.png"
    path.write_bytes(png_header(20_000, 20_000))
    with pytest.raises(InputError, match="cut it into tiles"):
        open_image(path)
    limit = Image.MAX_IMAGE_PIXELS
    with huge_pictures():
        assert open_image(path).shape == (20_000, 20_000)
    assert limit == Image.MAX_IMAGE_PIXELS is not None


def test_workers_get_no_more_memory_than_they_may_have():
    """One that is refused some goes on; one that dies of it is replaced by another, of which the same holds."""
    with WorkerPool(1, greedy, lambda *_: [], 60.0, memory=256 * MIB) as pool:
        jobs = [(100 * MIB, True), (300 * MIB, True), (300 * MIB, False), (300 * MIB, True), (7, False)]
        results = [result for _, result in pool.run(jobs)]
    assert results[:2] == [100 * MIB, "refused"] and isinstance(results[2], Lost) and results[3:] == ["refused", 7]


def test_what_is_allowed_follows_the_flag():
    assert memory_limit.ceiling(2.0) == 5 << 30


def test_a_folder_of_bombs(tmp_path):
    """Through the whole command: each has its reason, none takes the process down, the sound file is done."""
    folder = tmp_path / "in"
    write_picture(folder / "sound.png")
    deflated_dicom(folder / "deflated.dcm")
    (folder / "zeros.nii.gz").write_bytes(gzipped(nifti_header(3, 1000, 1000, 300), 300 * MIB))
    (folder / "wide.png").write_bytes(png_header(2**31 - 1, 2**31 - 1))
    (folder / "large.png").write_bytes(png_header(40_000, 40_000, 16, 6))
    (folder / "size.bmp").write_bytes(
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 60000, 60000, 1, 24, *[0] * 6)
    )
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "a.jpg")
    data = bytearray((folder / "a.jpg").read_bytes())
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, 65_500, 65_500)
    (folder / "a.jpg").write_bytes(data)
    write_dicom(folder / "rows", np.zeros((4, 4), np.uint8), Rows=65535, Columns=65535)
    given = arguments(folder, tmp_path / "out", shifting(tmp_path / "bundle"), "--memory", "0.5", workers=1)
    command = Command(given, tmp_path)
    assert command.wait() == 1, command.printed()
    found = rows(tmp_path / "out")
    assert {path for path, row in found.items() if row["status"] == "done"} == {"sound.png"}
    assert all(row["status"] == "failed" and len(row["reason"]) > 20 for row in found.values() if row["output"] is None)
    assert not any("bug" in (row["reason"] or "") or "crashed" in (row["reason"] or "") for row in found.values())
    for name in ("wide.png", "large.png", "size.bmp", "a.jpg"):
        assert "one frame of it takes about" in found[name]["reason"]
