# SPDX-License-Identifier: Apache-2.0
"""Workers that die, hang, ask for the network, and what becomes of the others' jobs."""

from __future__ import annotations

import os
import time

import pytest
from pool_tasks import work

from monai_gradprom.enhance.processes.pool import Lost, WorkerPool
from monai_gradprom.errors import InputError


def doubled(units, windows):
    return [2 * u for u in units]


def run(jobs, count=2, serve=doubled, timeout=60.0):
    with WorkerPool(count, work, serve, timeout) as pool:
        return list(pool.run(jobs))


def test_every_job_gets_its_own_result():
    results = run([("infer", float(i)) for i in range(9)], count=3)
    assert sorted(results) == [(("infer", float(i)), 2.0 * i) for i in range(9)]


@pytest.mark.parametrize(
    "fault, word", [("crash", "SIGSEGV"), ("killed", "memory"), ("exit", "exit code 7"), ("raise", "exit code 1")]
)
def test_a_dead_worker_costs_one_job(fault, word):
    jobs = [("infer", 1.0), (fault, "text"), ("infer", 2.0), ("infer", 3.0)]
    results = dict(run(jobs, count=1))
    assert isinstance(results[jobs[1]], Lost)
    assert word in results[jobs[1]].reason
    assert [results[job] for job in jobs if job[0] == "infer"] == [2.0, 4.0, 6.0]


def test_a_silent_worker_is_ended_and_replaced():
    began = time.monotonic()
    jobs = [("hang", 0), ("infer", 1.0)]
    results = dict(run(jobs, count=1, timeout=3.0))
    assert "no progress for 3 s" in results[jobs[0]].reason
    assert results[jobs[1]] == 2.0
    assert time.monotonic() - began < 60


def test_waiting_for_the_network_is_no_silence():
    def slow(units, windows):
        time.sleep(4)
        return units

    results = run([("infer", 1.0), ("infer", 2.0)], count=2, serve=slow, timeout=3.0)
    assert sorted(result for _, result in results) == [1, 2]


def test_requests_of_several_workers_are_served_together():
    sizes = []

    def serve(units, windows):
        sizes.append(len(units))
        time.sleep(0.2)  # the others' requests arrive meanwhile
        return units

    run([("infer", float(i)) for i in range(12)], count=3, serve=serve)
    assert sum(sizes) == 12
    assert max(sizes) > 1


def test_a_refused_image_does_not_spoil_its_batch():
    def serve(units, windows):
        time.sleep(0.2)
        if any(u.max() == 3 for u in units):
            raise InputError("three is no image")
        return units

    results = dict(run([("infer", float(i)) for i in range(6)], count=3, serve=serve))
    assert results == {("infer", float(i)): "refused: three is no image" if i == 3 else i for i in range(6)}


def test_a_fault_of_the_network_itself_is_no_file_s_fault():
    def serve(units, windows):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run([("infer", 1.0)], serve=serve)


def test_jobs_are_taken_as_workers_become_free():
    taken = []

    def jobs():
        for i in range(20):
            taken.append(i)
            yield ("pid", i)

    with WorkerPool(2, work, doubled, 60.0) as pool:
        results = pool.run(jobs())
        next(results)
        assert len(taken) <= 4
        pids = {pid for _, pid in results}
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_when_this_process_forgets_them():
    with WorkerPool(1, work, doubled, 60.0) as pool:
        pool._workers[0].connection.close()  # as when this process is killed
        pool._workers[0].process.join(20)
        assert pool._workers[0].process.exitcode == 0


def test_nothing_that_a_worker_prints_comes_through(capfd):
    run([("print", "Doe^Jane")], count=1)
    captured = capfd.readouterr()
    assert "Doe" not in captured.out + captured.err


def test_workers_do_without_torch():
    ((_, found),) = run([("modules", ("torch", "monai"))], count=1)
    assert found == []
