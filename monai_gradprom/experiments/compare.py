# SPDX-License-Identifier: Apache-2.0
"""The command `monai-gradprom compare`, from its arguments to its last line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.figures import FIGURES

from .grid.arguments import parse_switches
from .grid.bundle_files import BundleFiles
from .grid.cells import cells
from .grid.checks import check_cell, check_names, normal
from .grid.evaluations import Evaluations, Target
from .grid.plan import Plan, make_plan
from .last_tenth import rare_validations
from .records import write_json
from .running.runner import describe, run_plan

__all__ = ["CompareOptions", "compare"]


@dataclass
class CompareOptions:
    """What the command line says.

    Args:
        bundle: the bundle's folder.
        output: the grid's folder.
        switches: the words ``--switch value …``.
        jobs: runs at a time on each device.
        device: torch devices; none: the bundle's own choice.
        figures: what evaluations draw.
        test_on: ``BUNDLE`` or ``BUNDLE=DATASET_DIR`` of other sets to test enhancers on.
        fixed_recognizer: a file or a run's folder with recognizers that judge every run's images, beside its own.
        tracking: MONAI's experiment tracking, ``mlflow`` or a settings file.
        dry_run: only say what there is to do.
    """

    bundle: Path
    output: Path
    switches: Sequence[str]
    jobs: int = 1
    device: Sequence[str] = ()
    figures: Sequence[str] = ("panels", "cam")
    test_on: Sequence[str] = ()
    fixed_recognizer: Path | None = None
    tracking: str | None = None
    dry_run: bool = False


def compare(options: CompareOptions) -> int:
    """Run a grid.

    Returns:
        0 when every run is finished, 1 when one has failed.

    Raises:
        InputError: for anything that is wrong with the command; nothing has been started then.
    """
    if options.jobs < 1:
        raise InputError(f"--jobs {options.jobs}: at least one run at a time.")
    plan, output = _plan(options), options.output.expanduser().absolute()
    if options.dry_run:
        print("\n".join(describe(plan)))
        print(f"{len(plan.runs)} runs, {len(plan.warm_ups)} warm-ups that several of them start from")
        return 0
    _require_tracking(options.tracking)
    command = shlex.join(["monai-gradprom", *sys.argv[1:]])
    write_json(output / "grid.json", {"command": command, "runs": [run.name for run in plan.runs]})
    outcome = run_plan(plan, output, options.jobs, list(options.device) or [None])
    before = f", {outcome.finished_before} were finished before" if outcome.finished_before else ""
    print(f"{outcome.done} runs finished{before}, {len(outcome.failed)} failed; they lie in {options.output}")
    for name, reason in outcome.failed.items():
        print(f"  {name}: {reason}")
    print(f"tables: monai-gradprom report {options.output}")
    return 1 if outcome.failed else 0


def _plan(options: CompareOptions) -> Plan:
    bundle = BundleFiles(options.bundle)
    switches = parse_switches(options.switches)
    check_names(switches, bundle)
    figures = [check_choice("--figures", name, FIGURES) for name in options.figures]
    grid = cells(normal(switches, bundle.train), bundle.train, bundle.tasks)
    for cell in grid:
        check_cell(cell, bundle)
    for note in dict.fromkeys(rare_validations({**bundle.train, **cell}) for cell in grid):
        if note:
            print(f"note: {note}", file=sys.stderr)
    output = options.output.expanduser().absolute()
    evaluations = Evaluations(figures, [_target(text) for text in options.test_on], _fixed(options.fixed_recognizer))
    return make_plan(bundle, grid, output, evaluations, _tracking(options.tracking, output, bundle.name))


def _fixed(path: Path | None) -> str | None:
    if path is None:
        return None
    there = path.expanduser().absolute()
    if not (there.is_file() or any(there.glob("recognizer_*.pt"))):
        raise InputError(f"--fixed-recognizer {path}: no recognizer_*.pt is there; name a run's folder or a file.")
    return str(there)


def _target(text: str) -> Target:
    name, equals, folder = text.partition("=")
    if equals and not Path(folder).expanduser().is_dir():
        raise InputError(f"--test-on {text}: there is no folder {folder}; correct the path.")
    return Target(BundleFiles(Path(name)), str(Path(folder).expanduser().absolute()) if equals else None)


def _tracking(tracking: str | None, output: Path, name: str) -> dict[str, str]:
    """Arguments of MONAI's tracking: all runs of a grid in one data base beside them."""
    if tracking is None:
        return {}
    uri = f"sqlite:///{output / 'mlruns.db'}"
    return {"tracking": tracking, "tracking_uri": uri, "experiment_name": name}


def _require_tracking(tracking: str | None) -> None:
    if tracking != "mlflow":
        return
    from monai.utils import optional_import

    if not optional_import("mlflow")[1]:
        raise InputError("--tracking mlflow: MLflow is not installed; run `pip install 'monai-gradprom[tracking]'`.")
