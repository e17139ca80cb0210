# SPDX-License-Identifier: Apache-2.0
"""Stands for `python -m monai.bundle run --args_file FILE`: leaves what a training or an evaluation leaves, at once.

``BEHAVIOUR`` in the environment is JSON: output folder's start → what to do there instead.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def main(args_file):
    args = json.loads(Path(args_file).read_text())
    out = Path(args["output_dir"])
    out.mkdir(parents=True, exist_ok=True)
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(json.dumps({"pid": os.getpid(), "args": args}) + "\n")
    behaviour = json.loads(os.environ.get("BEHAVIOUR", "{}"))
    name = out.name if out.name != "evaluation" else out.parent.name + "/evaluation"
    for start, what in behaviour.items():
        if name.startswith(start):
            behave(what, out)
    if "max_epochs" in args or args["config_file"][0].endswith("train.json") or "train.json" in args["config_file"]:
        for file in ("model.pt", "recognizer_segmentation.pt", "checkpoint_iteration=6.pt"):
            (out / file).write_bytes(b"weights")
        (out / "tensorboard").mkdir(exist_ok=True)
    else:
        (out / "metrics_summary.csv").write_text("metric,mean,std,images\npsnr,30,1,4\n")


def behave(what, out):
    if what == "fail":
        print("error: --noise_sigma must be a number.", file=sys.stderr)
        sys.exit(1)
    elif what == "crash":
        raise RuntimeError("no memory left\non the device")
    elif what == "hang":
        (out / "started").touch()
        time.sleep(600)
    elif what == "kill once" and not (out / "killed").exists():
        (out / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "kill always":
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
