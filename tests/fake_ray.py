# SPDX-License-Identifier: Apache-2.0
"""As much of Ray as the engine needs, in one thread: actors do nothing until they are waited for."""

from __future__ import annotations

import types


class RayError(Exception):
    pass


class ActorDiedError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause):
        super().__init__(str(cause))
        self.cause = cause


class FakeRay:
    """``behave(number, job)`` says what actor ``number`` does about a job (None: about its start).

    It returns a result, or an exception: ActorDiedError is the actor's death, another one is raised by its method.
    """

    exceptions = types.SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError, ActorDiedError=ActorDiedError)

    def __init__(self, behave):
        self.behave = behave
        self.actors, self.order = [], []
        self.given = {}

    def remote(self, actor_class):
        return self

    def options(self, **options):
        self.asked_for = options
        return types.SimpleNamespace(remote=lambda plan: Actor(self))

    def wait(self, references, num_returns, timeout):
        references = references[:num_returns]
        for reference in references:
            reference.happen()
        return references, []

    def get(self, reference):
        if isinstance(reference.outcome, ActorDiedError):
            raise reference.outcome
        if isinstance(reference.outcome, Exception):
            raise RayTaskError(reference.outcome)
        return reference.outcome

    def kill(self, actor):
        actor.alive = False


class Actor:
    def __init__(self, ray):
        self.number, self.ray, self.alive = len(ray.actors), ray, True
        ray.actors.append(self)
        self.ready = types.SimpleNamespace(remote=lambda lanes: Reference(self, None))
        self.do = types.SimpleNamespace(remote=lambda job: Reference(self, job))


class Reference:
    def __init__(self, actor, job):
        self.actor, self.job, self.outcome = actor, job, None
        if job is not None:
            actor.ray.order.append((actor.number, job))

    def happen(self):
        ray = self.actor.ray
        self.outcome = ray.behave(self.actor.number, self.job) if self.actor.alive else ActorDiedError("killed")
        if isinstance(self.outcome, ActorDiedError):
            self.actor.alive = False
