# SPDX-License-Identifier: Apache-2.0
"""The whole run: survey the folder, enhance its files, keep the manifest, report."""

from __future__ import annotations

import heapq
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

from monai_gradprom import __version__
from monai_gradprom.enhance.derived.image import Provenance
from monai_gradprom.enhance.model.network import BundleNetwork
from monai_gradprom.enhance.processes.pool import Lost
from monai_gradprom.enhance.record.index import Entry, Index
from monai_gradprom.enhance.record.manifest import Manifest
from monai_gradprom.enhance.record.paths import MANIFEST, REPORT, WORK, shown_path
from monai_gradprom.enhance.record.reconcile import keep_books, reconcile
from monai_gradprom.enhance.record.row import Row, Status
from monai_gradprom.enhance.record.run_record import RunRecord, check_claim
from monai_gradprom.enhance.report.progress import progress
from monai_gradprom.enhance.report.summary import Tally
from monai_gradprom.enhance.report.write import write_report
from monai_gradprom.errors import InputError

from .bundle_provenance import provenance_of
from .job import EnhanceJob
from .made_by import made_by
from .options import Options, check_folders, check_options
from .setup import Setup
from .survey import survey
from .workers import Workers, start_workers

__all__ = ["run_enhance"]

_SAME_PLACE = "its result would take the place of another file's; rename one of them"


def run_enhance(options: Options) -> int:
    """Enhance a folder as ``monai-gradprom enhance`` does.

    Returns:
        0; 1 if some files failed, or manifest or report could not be written at the end.

    Raises:
        InputError: the options, the folders or the bundle are at fault; nothing has been enhanced.
    """
    check_options(options)
    check_folders(options)
    device = "cpu" if options.engine == "ray" else options.device  # a cluster's GPUs may be elsewhere
    origin = provenance_of(options.bundle)
    network = BundleNetwork.load(
        options.bundle,
        device,
        options.settings,
        options.tile_size,
        options.runtime,
        options.precision,
        options.require_sha256,
    )
    key = options.result_key() | made_by(network)
    with ExitStack() as stack:
        if options.dry_run:
            check_claim(options.output, key, options.resume)
            record = None
        else:
            about = {"bundle": origin.to_dict()}
            record = stack.enter_context(RunRecord.claim(options.output, key, options.resume, about))
        print(origin.line, file=sys.stderr, flush=True)
        setup = _setup(options, network, record)
        index = stack.enter_context(Index(options.hash_paths, record is not None and record.ignores_case()))
        workers = stack.enter_context(start_workers(options, setup, network))
        with progress(None, "looking") as bar:
            survey(options.input, index, workers, bar)
        tally = Tally()
        if record is None:
            _count(_planned(setup, index), tally, len(index), "planning")
            return _say(options, tally)
        reconcile(record, index)
        with Manifest(options.output / MANIFEST) as manifest:
            _count(_enhanced(setup, index, workers, manifest), tally, len(index), "enhancing")
            try:
                _finish(options, setup.provenance, index, manifest)
            except InputError as error:
                return _say(options, tally, error)
    return _say(options, tally)


def _count(rows: Iterator[Row], tally: Tally, total: int, verb: str) -> None:
    with progress(total, verb) as bar:
        for row in rows:
            tally.add(row)
            bar.update()


def _setup(options: Options, network: BundleNetwork, record: RunRecord | None) -> Setup:
    provenance = Provenance(
        bundle=network.name,
        bundle_version=network.version,
        software_version=__version__,
        weights_sha256=network.weights_sha256,
        run_key=record.run_key if record else "",
        started=record.started if record else datetime.now(timezone.utc),
        series_description=options.series_description,
        strength=options.strength,
    )
    return Setup(
        input=options.input,
        output=options.output,
        # of its own, so that what is left of a killed run cannot bring anything to an end
        work=Path(tempfile.mkdtemp(dir=record.work)) if record else options.output / WORK,
        domain=network.domain,
        provenance=provenance,
        factor=network.factor,
        strength=options.strength,
        any_modality=options.any_modality,
        transfer_syntax=options.transfer_syntax,
        hash_paths=options.hash_paths,
        window=options.window,
        batch_size=options.batch_size,
        memory=options.memory,
        reach=network.reach,
    )


def _planned(setup: Setup, index: Index) -> Iterator[Row]:
    """What a run would do, as far as headers tell."""
    for entry in index.entries():
        verdict: tuple[Status, str | None] = _verdict(index, entry) or ("done", None)
        yield Row(shown_path(entry.path, setup.hash_paths), *verdict)


def _verdict(index: Index, entry: Entry) -> tuple[Status, str | None] | None:
    if entry.status is not None:
        return entry.status, entry.reason
    return ("failed", _SAME_PLACE) if index.clash(entry.path) else None


def _enhanced(setup: Setup, index: Index, workers: Workers, manifest: Manifest) -> Iterator[Row]:
    """Do all files and yield their rows as they are finished."""
    for job, result in workers.run(_jobs(index)):
        row = result if isinstance(result, Row) else _lost(setup, job, result)
        row = keep_books(setup.output, row, job.previous)
        if row != job.previous:
            manifest.add(row)
            index.remember(row)
        yield row


def _jobs(index: Index) -> Iterator[EnhanceJob]:
    for entry in index.entries():
        yield EnhanceJob(
            entry.path,
            window=index.window_of(entry.path),
            verdict=_verdict(index, entry),
            previous=index.previous(entry.path),
            output=entry.output,
        )


def _finish(options: Options, provenance: Provenance, index: Index, manifest: Manifest) -> None:
    """Put the manifest in order and write the report."""
    # what has left the input since it was enhanced still lies in the output
    strays = (row for row in index.strays() if row.output is not None)
    manifest.compact(heapq.merge(index.rows(), strays, key=lambda row: row.path))
    write_report(
        options,
        lambda: Manifest.read(options.output / MANIFEST),
        provenance.bundle,
        provenance.bundle_version,
        provenance.started,
    )


def _lost(setup: Setup, job: EnhanceJob, lost: Lost) -> Row:
    return Row(
        shown_path(job.path, setup.hash_paths),
        "failed",
        lost.reason,
        bundle=setup.provenance.bundle,
        bundle_version=setup.provenance.bundle_version,
    )


def _say(options: Options, tally: Tally, error: InputError | None = None) -> int:
    """Print the table and how it ended; return the exit code."""
    if options.dry_run:
        print("Nothing was written. A run would end like this, as far as headers tell:")
    print(tally.text())
    if error is not None:
        print(f"monai-gradprom: error: {error}", file=sys.stderr)
        return 1
    if not options.dry_run:
        print(f"report: {options.output / REPORT}")
    return tally.exit_code()
