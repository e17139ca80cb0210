# SPDX-License-Identifier: Apache-2.0
"""A real MONAI Label server on 127.0.0.1, cut off from every other address and ended by its own process id."""

from __future__ import annotations

import ctypes
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
BUNDLES = REPOSITORY / "bundles"
# generous: on a machine with much else to do, a training that takes a minute has taken ten
_START_SECONDS = 600.0
_ANSWER_SECONDS = 1200.0


@dataclass
class Answer:
    """What `POST /infer` returned: the file, as it came, and the parameters."""

    content: bytes
    params: dict[str, Any]
    name: str

    def save(self, folder: Path) -> Path:
        path = folder / self.name
        path.write_bytes(self.content)
        return path


@dataclass
class Server:
    url: str
    log: Path
    process: subprocess.Popen

    def get(self, path: str, **query: Any) -> bytes:
        return self._open(urllib.request.Request(self._url(path, query)))

    def get_json(self, path: str, **query: Any) -> Any:
        return json.loads(self.get(path, **query))

    def post_json(self, path: str, body: Any, **query: Any) -> Any:
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._url(path, query), data, {"Content-Type": "application/json"})
        return json.loads(self._open(request))

    def infer(self, model: str, image: str, **params: Any) -> Answer:
        """Both parts of the answer; `image` is an id of the datastore or a path."""
        form = urllib.parse.urlencode({"params": json.dumps(params)}).encode()
        request = urllib.request.Request(self._url(f"/infer/{model}", {"image": image, "output": "all"}), form)
        return _parts(*self._open(request, with_type=True))

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def _url(self, path: str, query: dict[str, Any]) -> str:
        return self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")

    def _open(self, request: urllib.request.Request, with_type: bool = False) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as response:
                body = response.read()
                return (body, response.headers["Content-Type"]) if with_type else body
        except urllib.error.HTTPError as error:
            time.sleep(0.5)  # the log follows the answer
            raise Refused(error.code, self.printed()[-6000:]) from None


class Refused(AssertionError):
    """The server answered with an error; `log` is the end of what it printed."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(f"HTTP {code}\n{log}")
        self.code, self.log = code, log


@contextmanager
def label_server(
    app: Path, studies: Path | str, folder: Path, conf: dict[str, str] | None = None, **settings: str
) -> Iterator[Server]:
    """Start a server and end it, also when the test fails.

    Args:
        app: folder of the app; a copy that may be written to.
        studies: folder of images, or URL of a DICOMweb server.
        folder: the server's own: home, working directory and log.
        conf: `--conf` of the command line.
        settings: environment variables, such as MONAI_LABEL_DICOMWEB_SEARCH_FILTER.
    """
    port, log = free_port(), folder / "server.log"
    command = [sys.executable, "-m", "monailabel.main", "start_server", "--app", str(app), "--studies", str(studies)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    for name, value in (conf or {}).items():
        command += ["--conf", name, value]
    process = start(command, folder, log, settings)
    server = Server(f"http://127.0.0.1:{port}", log, process)
    try:
        _wait(server)
        yield server
    finally:
        end(process)
    assert "REFUSED ADDRESS" not in server.printed(), "the server wanted to reach another machine"


def offline(home: Path) -> dict[str, str]:
    """The environment of a process that can reach 127.0.0.1 only."""
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("MONAI_LABEL")}
    path = os.pathsep.join(map(str, (HERE / "offline", REPOSITORY)))
    return kept | {"PYTHONPATH": path, "HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(command: list[str], folder: Path, log: Path, settings: dict[str, str]) -> subprocess.Popen:
    """Start a process that ends with this one, should this one be killed before it can :func:`end` it."""
    with log.open("w") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=offline(folder) | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def end(process: subprocess.Popen) -> None:
    """End a process that we started, by its id."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server) -> None:
    limit = time.monotonic() + _START_SECONDS
    while True:
        assert server.process.poll() is None, f"the server has ended:\n{server.printed()[-6000:]}"
        try:
            server.get("/info/")
            return
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < limit, f"the server does not answer:\n{server.printed()[-6000:]}"
            time.sleep(0.3)


def _parts(body: bytes, content_type: str) -> Answer:
    """Of multipart/form-data."""
    boundary = re.search(r"boundary=(\S+)", content_type)
    assert boundary, (content_type, body[:500])
    found: dict[str, tuple[str, bytes]] = {}
    for part in body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        names = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
        found[names["name"]] = names.get("filename", ""), content.removesuffix(b"\r\n")
    name, content = found["image"]
    return Answer(content, json.load(io.BytesIO(found["params"][1])), name)


def stock_app(folder: Path, bundles: list[str]) -> Path:
    """The unmodified `monaibundle` app as `monailabel apps --download` copies it, with bundles in its `model`."""
    command = [sys.executable, "-m", "monailabel.main", "apps", "--download", "--name", "monaibundle"]
    subprocess.run([*command, "--output", str(folder)], check=True, env=offline(folder), capture_output=True)
    app = folder / "monaibundle"
    (app / "model").mkdir(exist_ok=True)
    for bundle in bundles:
        (app / "model" / bundle).symlink_to(BUNDLES / bundle)
    return app
