# SPDX-License-Identifier: Apache-2.0
"""Commands in processes of their own without the seconds of their imports: forked from a server that has made them.

A module of tests that knows how to be a command has a :class:`ForkServer` of its own file and, run as a program,
calls :func:`serve`.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys


class ForkServer:
    """``file`` run as a program, from the first question on; ``environment``: variables to set."""

    def __init__(self, file, **environment):
        self._file, self._environment = file, environment

    def ask(self, request):
        """What the server answers; ``{"wait": pid}`` and ``{"poll": pid}`` ask for an exit code."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    @functools.cached_property
    def _process(self):
        process = subprocess.Popen(
            [sys.executable, self._file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | self._environment,
        )
        atexit.register(process.communicate)  # closes its stdin
        return process


def serve(begin):
    """Answer until the standard input ends; ``begin(request)`` begins what a request describes and answers it.

    Exit codes are negative where a signal ended the process, and None while a polled one runs.
    """
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        elif "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = begin(request)
        print(json.dumps(answer), flush=True)


def forked(command, *arguments, failed):
    """Fork; the process id of the child, which calls ``command`` without input and ends with the code that it returns.

    ``failed``: the code after an exception, which is printed.
    """
    if pid := os.fork():
        return pid
    code = failed
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = command(*arguments)
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
