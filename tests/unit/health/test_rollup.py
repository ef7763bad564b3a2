from __future__ import annotations

from steersman.health.rollup import Done, Failed, Waiting, decide_wait
from steersman.health.verdict import Health, Verdict
from steersman.objects.identity import ObjectRef

A = ObjectRef("apps", "Deployment", "ns", "a")
B = ObjectRef("", "ConfigMap", "", "b")
CURRENT = Verdict(Health.CURRENT, "")
PENDING = Verdict(Health.IN_PROGRESS, "Ready: 0/1")
LOST = Verdict(Health.FAILED, "Progress deadline exceeded")
GONE = Verdict(Health.NOT_FOUND, "Resource not found")


def test_an_empty_set_is_done() -> None:
    assert decide_wait({}) == Done()


def test_all_current_is_done() -> None:
    assert decide_wait({A: CURRENT, B: CURRENT}) == Done()


def test_what_is_on_its_way_is_waited_for() -> None:
    assert decide_wait({A: PENDING, B: CURRENT}) == Waiting((A,))


def test_one_failure_ends_the_wait_with_its_reason() -> None:
    assert decide_wait({A: LOST, B: PENDING}) == Failed(
        "failed early due to stalled resources: [Deployment/ns/a status: 'Failed']\n"
        "Deployment/ns/a: Progress deadline exceeded"
    )


def test_without_fail_fast_the_others_are_waited_for() -> None:
    assert decide_wait({A: LOST, B: PENDING}, fail_fast=False) == Waiting((A, B))


def test_without_fail_fast_the_wait_ends_when_only_failures_remain() -> None:
    assert isinstance(decide_wait({A: LOST, B: CURRENT}, fail_fast=False), Failed)


def test_at_the_deadline_everything_that_is_not_current_is_named() -> None:
    assert decide_wait({A: PENDING, B: GONE}, timed_out=True) == Failed(
        "timeout waiting for: [Deployment/ns/a status: 'InProgress', ConfigMap/b status:"
        " 'NotFound']\nDeployment/ns/a: Ready: 0/1\nConfigMap/b: Resource not found"
    )


def test_a_job_that_removed_itself_is_finished() -> None:
    assert decide_wait({A: GONE}, may_vanish={A}) == Done()
