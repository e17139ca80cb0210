# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from monai_gradprom.enhance.record import earlier_results, lock, run_record
from monai_gradprom.enhance.record.manifest import Manifest
from monai_gradprom.enhance.record.row import Row
from monai_gradprom.enhance.record.run_record import RunRecord, check_claim
from monai_gradprom.errors import InputError

KEY = {"bundle": "camus", "weights": "0" * 64, "strength": 1.0, "window": None, "settings": {"scale_factor": "2"}}


@pytest.fixture
def output(tmp_path):
    return tmp_path / "new" / "out"


def _claim(output, key=KEY, resume=True):
    RunRecord.claim(output, key, resume).release()


def _tree(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_a_new_run(output):
    with RunRecord.claim(output, KEY) as record:
        assert record.work.is_dir()
        assert record.started.utcoffset() == timedelta(0)
        assert abs(datetime.now(timezone.utc) - record.started) < timedelta(seconds=60)
        # by hand: sorted names, no spaces
        canonical = '{"bundle":"camus","settings":{"scale_factor":"2"},"strength":1.0,"weights":"%s","window":null}' % (
            "0" * 64
        )
        assert record.run_key == hashlib.sha256(canonical.encode()).hexdigest()
    assert _tree(output) == ["run.json"]
    record.release()


def test_the_same_run_goes_on_and_keeps_its_date(output):
    _claim(output)
    stored = json.loads((output / "run.json").read_text())
    (output / "run.json").write_text(json.dumps({**stored, "started": "2001-02-03T04:05:06+00:00"}))
    with RunRecord.claim(output, dict(reversed(KEY.items()))) as record:
        assert record.started == datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
        assert record.run_key == stored["run_key"]


def test_temporary_files_go_at_the_start_and_at_the_end(output):
    _claim(output)
    for _ in range(2):
        (output / ".work" / "folder").mkdir(parents=True, exist_ok=True)
        (output / ".work" / "folder" / "half").touch()
        (output / ".work" / "half").touch()
        record = RunRecord.claim(output, KEY)
        assert [p.name for p in record.work.iterdir()] == ["lock"]
        (record.work / "half").touch()
        record.release()
        assert _tree(output) == ["run.json"]


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("name", ["file", "folder/file", "run.json", ".work/file", ".work/lock/file"])
def test_a_folder_of_somebody_else_is_refused_and_left_alone(output, name, resume):
    (output / name).parent.mkdir(parents=True)
    (output / name).write_text('{"program": "another"}')
    before = _tree(output)
    with pytest.raises(InputError, match="new or an empty"):
        _claim(output, resume=resume)
    assert _tree(output) == before
    assert (output / name).read_text() == '{"program": "another"}'


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"program": "monai-gradprom enhance"}', "\xff\0"])
def test_a_record_that_is_none_is_refused(output, text):
    output.mkdir(parents=True)
    (output / "run.json").write_text(text)
    with pytest.raises(InputError, match="did not write"):
        _claim(output)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strength": 0.5}, "strength was 1.0, is 0.5"),
        ({"weights": "1" * 64}, "weights differ"),
        ({"window": [-1, 1]}, "window was not given, is [-1, 1]"),
        ({"settings": {"scale_factor": "4"}}, 'settings scale_factor was "2", is "4"'),
        ({"settings": {}}, 'settings scale_factor was "2", is not given'),
        ({"strength": 0.5, "bundle": "x\ny"}, 'bundle was "camus", is "x\\ny"; strength was'),
    ],
)
def test_other_settings_are_named_and_refused(output, change, words):
    _claim(output)
    with pytest.raises(InputError) as error:
        _claim(output, {**KEY, **change})
    assert words.replace("scale_factor", "scale factor") in str(error.value)
    assert str(error.value).count("was") == len(change) - ("weights" in change)
    assert "--no-resume" in str(error.value)
    assert "\n" not in str(error.value)
    _claim(output)  # it is still what it was


def test_starting_over_removes_what_the_manifest_lists_and_nothing_else(output):
    _claim(output)
    for name in ("a/b/c.dcm", "a/d.dcm", "mine/e.dcm", "report.html"):
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).touch()
    outside = output.parent / "outside.dcm"
    outside.touch()
    (output / "link").symlink_to(output.parent)
    with Manifest(output / "manifest.jsonl") as manifest:
        for name in ("a/b/c.dcm", "a/d.dcm", "gone.dcm", "../outside.dcm", str(outside), "link/outside.dcm", "mine"):
            manifest.add(Row(name, "done", output=name))
        manifest.add(Row("mine/e.dcm", "skipped"))
    with (output / "manifest.jsonl").open("ab") as stream:
        stream.write(b"damaged\n")
    (output / "run.json").write_text((output / "run.json").read_text().replace('"started": "2', '"started": "1'))
    with RunRecord.claim(output, {**KEY, "strength": 0.5}, resume=False) as record:
        assert record.started.year > 2000
    assert _tree(output) == ["link", "mine", "mine/e.dcm", "run.json"]
    assert outside.exists()
    _claim(output, {**KEY, "strength": 0.5})


def test_starting_over_removes_both_files_of_a_metaimage(output):
    _claim(output)
    (output / "a.mhd").write_bytes(b"NDims = 2\nElementDataFile = a b.zraw\n")
    (output / "b.mhd").write_bytes(b"NDims = 2\nElementDataFile = ../precious\n")
    for file in (output / "a b.zraw", output / "a.raw", output.parent / "precious"):
        file.touch()
    with Manifest(output / "manifest.jsonl") as manifest:
        for name in ("a.mhd", "b.mhd"):
            manifest.add(Row(name, "done", output=name))
    _claim(output, resume=False)
    assert _tree(output) == ["a.raw", "run.json"]
    assert (output.parent / "precious").exists()


def test_killed_while_starting_over_the_command_goes_on_with_it(output, monkeypatch):
    _claim(output)
    (output / "folder" / "inner").mkdir(parents=True)
    with Manifest(output / "manifest.jsonl") as manifest:
        (output / "folder" / "inner" / "a.dcm").touch()
        manifest.add(Row("a", "done", output="folder/inner/a.dcm"))

    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    def kill_after(folder):
        folder.rmdir()
        raise Killed

    for room, function, action, left in (
        (earlier_results, "_removed", kill, ["folder", "folder/inner", "manifest.jsonl", "run.json"]),
        (earlier_results, "_removed", kill_after, ["folder", "manifest.jsonl", "run.json"]),
        (run_record, "_write", kill, ["run.json"]),
    ):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(room, function, action)
            _claim(output, {**KEY, "strength": 0.5}, resume=False)
        assert _tree(output) == left
    _claim(output, {**KEY, "strength": 0.5}, resume=False)
    assert _tree(output) == ["run.json"]


def test_checking_writes_nothing(output):
    assert check_claim(output, KEY) is None
    assert not output.parent.exists()
    _claim(output)
    before = (output / "run.json").stat().st_mtime_ns
    assert check_claim(output, KEY)["key"] == KEY
    with pytest.raises(InputError, match="other settings"):
        check_claim(output, {**KEY, "strength": 0})
    assert check_claim(output, {**KEY, "strength": 0}, resume=False)["key"] == KEY
    assert _tree(output) == ["run.json"]
    assert (output / "run.json").stat().st_mtime_ns == before


def test_a_second_process_is_kept_out_until_the_first_is_gone(output):
    code = f"""
import os, signal, sys
from pathlib import Path
from monai_gradprom.enhance.record.run_record import RunRecord
record = RunRecord.claim(Path({str(output)!r}), {KEY!r})
(record.work / "half").touch()
print("ready", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        for resume in (True, False):
            with pytest.raises(InputError, match="another process"):
                _claim(output, resume=resume)
        assert _tree(output) == [".work", ".work/half", ".work/lock", "run.json"]
        process.send_signal(signal.SIGKILL)
        process.wait()
    _claim(output)
    assert _tree(output) == ["run.json"]


def test_a_lock_removed_between_opening_and_locking_is_not_taken(tmp_path, monkeypatch):
    real, calls = lock._lock, []

    def release_of_another(file):
        if not calls:
            (tmp_path / "work" / "lock").unlink()
            (tmp_path / "work").rmdir()
        calls.append(file)
        real(file)

    monkeypatch.setattr(lock, "_lock", release_of_another)
    held = lock.FolderLock(tmp_path / "work")
    assert len(calls) == 2
    with pytest.raises(InputError, match="another process"):
        lock.FolderLock(tmp_path / "work")
    held.release()


def test_file_systems_without_locks_are_fine(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    _claim(tmp_path)
    monkeypatch.setattr(lock, "fcntl", None)
    _claim(tmp_path)
    assert _tree(tmp_path) == ["run.json"]


@pytest.mark.parametrize("point", ["mkdir", "open", "replace", "fsync"])
@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_an_output_that_cannot_be_written_is_one_sentence(output, monkeypatch, point, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, point, refuse)
    with pytest.raises(InputError, match=os.strerror(number)) as error:
        _claim(output)
    assert "\n" not in str(error.value)
    monkeypatch.undo()
    _claim(output)  # what was left behind is no obstacle


def test_killed_before_the_record_is_there_the_command_starts(output):
    for names in ([], ["lock"], ["lock", "run.json"]):
        (output / ".work").mkdir(parents=True)
        for name in names:
            (output / ".work" / name).touch()
        _claim(output)
        assert _tree(output) == ["run.json"]
        (output / "run.json").unlink()


def test_a_linked_work_folder_is_refused(output, tmp_path):
    _claim(output)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (output / ".work").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="is a link"):
        _claim(output)
    assert (tmp_path / "precious" / "file").exists()


def test_case(output, monkeypatch):
    with RunRecord.claim(output, KEY) as record:
        assert not record.ignores_case()
        (record.work / "LOCK").touch()  # as a file system shows it that ignores case
        assert record.ignores_case()
