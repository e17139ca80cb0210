# SPDX-License-Identifier: Apache-2.0
"""An Orthanc with its DICOMweb plug-in on 127.0.0.1, ended by its own process id."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from label_server import end, free_port, start

PROGRAM = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
MISSING = PROGRAM is None or not PLUGIN.exists()


@dataclass
class Orthanc:
    url: str

    @property
    def dicomweb(self) -> str:
        return f"{self.url}/dicom-web"

    def get(self, path: str, **query: str) -> Any:
        """JSON by Orthanc's own interface, or by QIDO-RS below /dicom-web."""
        return json.loads(self.get_bytes(path, **query))

    def get_bytes(self, path: str, **query: str) -> bytes:
        address = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        with urllib.request.urlopen(urllib.request.Request(address), timeout=30) as response:
            return response.read()

    def upload(self, file: Path) -> None:
        request = urllib.request.Request(f"{self.url}/instances", file.read_bytes())
        with urllib.request.urlopen(request, timeout=30) as response:
            assert json.load(response)["Status"] == "Success"

    def files(self, series: str) -> list[bytes]:
        """The DICOM files of a series, by its UID."""
        found = [self.get(f"/instances/{name}") for name in self.get("/instances")]
        parents = {name["ID"]: self.get(f"/series/{name['ParentSeries']}")["MainDicomTags"] for name in found}
        names = [name for name, tags in parents.items() if tags["SeriesInstanceUID"] == series]
        return [self.get_bytes(f"/instances/{name}/file") for name in names]


@contextmanager
def orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start an empty server and end it, also when the test fails."""
    port, log = free_port(), folder / "orthanc.log"
    (folder / "orthanc.json").write_text(
        json.dumps(
            {
                "StorageDirectory": str(folder / "storage"),
                "IndexDirectory": str(folder / "storage"),
                "HttpPort": port,
                "HttpBindAddresses": ["127.0.0.1"],
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "DicomServerEnabled": False,
                "Plugins": [str(PLUGIN)],
                "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            }
        )
    )
    assert PROGRAM
    process = start([PROGRAM, str(folder / "orthanc.json")], folder, log, {})
    server = Orthanc(f"http://127.0.0.1:{port}")
    try:
        limit = time.monotonic() + 60
        while True:
            assert process.poll() is None, log.read_text()
            try:
                server.get("/dicom-web/studies")
                break
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < limit, log.read_text()
                time.sleep(0.1)
        yield server
    finally:
        end(process)
