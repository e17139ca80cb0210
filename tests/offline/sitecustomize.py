# SPDX-License-Identifier: Apache-2.0
"""Put on PYTHONPATH, this lets a process reach 127.0.0.1 only, and say so when it tries otherwise."""

from __future__ import annotations

import socket
import sys

_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo
_HERE = ("127.0.0.1", "localhost", "::1")


def _refuse(host):
    print(f"REFUSED ADDRESS {host}", file=sys.stderr, flush=True)
    raise OSError(f"this process may not reach {host}")


def _local_connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _HERE:
        _refuse(address[0])
    return _connect(self, address)


def _local_getaddrinfo(host, *arguments, **named):
    if host not in (None, "", "0.0.0.0", *_HERE) and host != socket.gethostname():
        _refuse(host)
    return _getaddrinfo(host, *arguments, **named)


socket.socket.connect, socket.getaddrinfo = _local_connect, _local_getaddrinfo
