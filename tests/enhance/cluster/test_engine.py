# SPDX-License-Identifier: Apache-2.0
"""What becomes of jobs when actors die, with a stand-in for Ray."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_ray import ActorDiedError, FakeRay

from monai_gradprom.enhance.cluster.capacity import Capacity
from monai_gradprom.enhance.cluster.engine import RayWorkers
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.processes.pool import Lost
from monai_gradprom.errors import InputError


def engine(behave, actors=2, cores=1, device="cpu", **options):
    plan = SimpleNamespace(options=Options(Path("in"), Path("out"), Path("bundle"), **options))
    ray = FakeRay(behave)
    return ray, RayWorkers(ray, plan, Capacity(actors, cores, device))


def dying(*deaths):
    """Doubles; dies over (actor or None for any, job)."""

    def behave(actor, job):
        if (actor, job) in deaths or (None, job) in deaths:
            return ActorDiedError("Doe^Jane")
        return None if job is None else 2 * job

    return behave


def test_every_job_gets_its_own_result():
    ray, workers = engine(dying(), cores=2)
    assert sorted(workers.run(range(1, 20))) == [(n, 2 * n) for n in range(1, 20)]
    assert len(ray.actors) == 2
    assert {number for number, _ in ray.order} == {0, 1}
    assert sorted(workers.run(range(3))) == [(n, 2 * n) for n in range(3)]  # by the same actors
    assert len(ray.actors) == 2


def test_nothing_to_do_waits_for_nobody():
    _, workers = engine(lambda actor, job: pytest.fail("waited"))
    assert list(workers.run([])) == []


def test_jobs_are_taken_as_actors_become_free():
    taken = []
    _, workers = engine(dying(), actors=2, cores=3)
    results = workers.run(taken.append(n) or n for n in range(100))
    next(results)
    assert len(taken) <= 2 * 2 * 3 + 2


def test_what_an_actor_takes_from_the_cluster():
    ray, _ = engine(dying(), cores=3, device="cuda")
    assert (ray.asked_for["num_cpus"], ray.asked_for["num_gpus"]) == (3, 1)
    assert ray.asked_for["max_concurrency"] == 3
    ray, _ = engine(dying(), workers=0)
    assert (ray.asked_for["num_cpus"], ray.asked_for["num_gpus"], ray.asked_for["max_concurrency"]) == (1, 0, 1)


def test_a_death_loses_nothing():
    """Actor 0 dies while it has several jobs; another takes its place."""
    ray, workers = engine(dying((0, 4)), cores=4)
    assert sorted(workers.run(range(1, 30))) == [(n, 2 * n) for n in range(1, 30)]
    assert len(ray.actors) == 3
    assert not ray.actors[0].alive


def test_what_died_with_an_actor_comes_last_and_alone():
    ray, workers = engine(dying((0, 1)), actors=1, cores=2)
    assert sorted(workers.run(range(1, 20))) == [(n, 2 * n) for n in range(1, 20)]
    again = [job for number, job in ray.order if number == 1][-4:]
    assert sorted(again) == [1, 2, 3, 4]  # 2 x 2 were with it
    assert ray.order[-5][1] == 19


def test_a_job_that_kills_twice_is_lost_and_no_other():
    ray, workers = engine(dying((None, 5)), cores=2)
    results = dict(workers.run(range(1, 20)))
    assert isinstance(results.pop(5), Lost)
    assert results == {n: 2 * n for n in range(1, 20) if n != 5}
    assert [job for _, job in ray.order].count(5) == 2


def test_an_actor_that_is_out_of_reach_is_ended():
    """Else two actors would work on one file."""
    ray, workers = engine(dying((0, 1)), actors=1)
    list(workers.run(range(1, 4)))
    ray.actors[1].alive = True
    workers.close()
    assert not any(actor.alive for actor in ray.actors)


def test_actors_that_die_while_they_start():
    _, workers = engine(dying((0, None), (1, None)), actors=1)
    assert list(workers.run([1])) == [(1, 2)]
    _, workers = engine(dying((None, None)), actors=2)
    with pytest.raises(InputError, match="3 processes in a row died") as error:
        list(workers.run([1]))
    assert "Doe" not in str(error.value)


def test_a_machine_that_complains_ends_the_run():
    _, workers = engine(lambda actor, job: InputError("OUTPUT x is not there.") if job is None else job)
    with pytest.raises(InputError, match="OUTPUT x is not there"):
        list(workers.run([1]))
    _, workers = engine(lambda actor, job: ImportError("Doe^Jane") if job is None else job)
    with pytest.raises(InputError, match="fails with ImportError") as error:
        list(workers.run([1]))
    assert "Doe" not in str(error.value)


def test_a_fault_of_the_network_itself_is_no_file_s_fault():
    """As with the local engine."""
    _, workers = engine(lambda actor, job: None if job is None else RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        list(workers.run([1]))
