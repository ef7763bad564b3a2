"""Jobs and CronJobs.

Source of the rules and texts: ``k8s.io/kubernetes/pkg/controller/{job,cronjob}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from steersman.kit.clock import format_rfc3339, parse_rfc3339
from steersman.kit.cron import BadSchedule, parse_schedule
from steersman.objects.manifest import Manifest, metadata_of, name_of, namespace_of, uid_of
from steersman.servers.nodes.podstatus import is_ready
from steersman.servers.nodes.replicas import pod_of
from steersman.servers.nodes.workshop import Workshop, controller_reference

__all__ = ["CronJobs", "Jobs", "finished_as"]

_GROUP: Final = "batch"
_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_SCHEDULED_AT: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def finished_as(job: Mapping[str, Any]) -> str:
    """Returns ``Complete`` or ``Failed`` for a finished Job, else an empty text."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return ""


def _phase(pod: Mapping[str, Any]) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


class Jobs:
    """The controller of Jobs.

    Args:
        work: access to the cluster.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work

    def look_at(self, namespace: str, name: str) -> None:
        """Creates pods until enough succeeded or too many failed."""
        job = self._work.get(_GROUP, "jobs", namespace, name)
        if job is None or metadata_of(job).get("deletionTimestamp"):
            return
        if finished_as(job):
            self._expire(job)
            return
        pods = self._work.owned("", "pods", job)
        done = [pod for pod in pods if _phase(pod) == "Succeeded"]
        failed = [pod for pod in pods if _phase(pod) == "Failed"]
        active = [
            pod
            for pod in pods
            if _phase(pod) not in ("Succeeded", "Failed")
            and not metadata_of(pod).get("deletionTimestamp")
        ]
        spec = job["spec"]
        overdue = self._overdue(job)
        if overdue or len(failed) > int(spec.get("backoffLimit", 6)):
            self._fail(job, active, len(done), len(failed), overdue=overdue)
            return
        wanted = spec.get("completions")
        needed = int(wanted if wanted is not None else 1)
        if len(done) >= needed and (wanted is not None or not active):
            self._complete(job, len(done), len(failed))
            return
        if spec.get("suspend"):
            self._suspend(job, active)
            return
        room = min(int(spec.get("parallelism", 1)), needed - len(done)) - len(active)
        for _ in range(max(room, 0)):
            self._create(job, pods)
            pods = self._work.owned("", "pods", job)
        active = [pod for pod in pods if _phase(pod) not in ("Succeeded", "Failed")]
        status = self._status(job, active, len(done), len(failed))
        self._work.set_status(_GROUP, "jobs", job, status)

    def _overdue(self, job: Manifest) -> bool:
        limit = job["spec"].get("activeDeadlineSeconds")
        started = (job.get("status") or {}).get("startTime")
        if limit is None:
            return False
        if started is None:
            self._look_again(float(limit), "deadline", job)
            return False
        left = float(limit) - self._work.seconds_since(started)
        if left > 0:
            self._look_again(left, "deadline", job)
        return left <= 0

    def _look_again(self, seconds: float, why: str, job: Manifest) -> None:
        namespace, name = namespace_of(job), name_of(job)
        key = (why, "jobs", namespace, name)
        self._work.later(seconds, key, lambda: self.look_at(namespace, name))

    def _create(self, job: Manifest, pods: Sequence[Manifest]) -> None:
        template = job["spec"]["template"]
        if job["spec"].get("completionMode") != "Indexed":
            pod = pod_of(job, template, generateName=f"{name_of(job)}-")
        else:
            taken = {
                (metadata_of(pod).get("annotations") or {}).get(_INDEX)
                for pod in pods
                if _phase(pod) != "Failed"
            }
            index = next(str(one) for one in range(len(pods) + 1) if str(one) not in taken)
            pod = pod_of(
                job,
                template,
                generateName=f"{name_of(job)}-{index}-",
                annotations={_INDEX: index},
                labels={_INDEX: index},
            )
        self._work.ensure("", "pods", pod)

    def _status(
        self, job: Manifest, active: Sequence[Manifest], done: int, failed: int
    ) -> dict[str, Any]:
        old: Mapping[str, Any] = job.get("status") or {}
        status: dict[str, Any] = {}
        if old.get("conditions"):
            status["conditions"] = [one for one in old["conditions"] if one["type"] != "Suspended"]
        status["startTime"] = old.get("startTime") or self._work.now
        counts = {"active": len(active), "succeeded": done, "failed": failed}
        status |= {name: count for name, count in counts.items() if count}
        status["terminating"] = 0
        status["uncountedTerminatedPods"] = {}
        status["ready"] = sum(map(is_ready, active))
        return {name: value for name, value in status.items() if value != []}

    def _end(
        self, job: Manifest, status: dict[str, Any], *conditions: tuple[str, str, str]
    ) -> None:
        now = self._work.now
        status["conditions"] = [
            *(status.get("conditions") or ()),
            *(
                {
                    "type": kind,
                    "status": "True",
                    "lastProbeTime": now,
                    "lastTransitionTime": now,
                    "reason": reason,
                    "message": text,
                }
                for kind, reason, text in conditions
            ),
        ]
        self._work.set_status(_GROUP, "jobs", job, status)
        self._expire(job)

    def _complete(self, job: Manifest, done: int, failed: int) -> None:
        status = self._status(job, (), done, failed)
        status["completionTime"] = self._work.now
        reason, text = "CompletionsReached", "Reached expected number of succeeded pods"
        self._end(job, status, ("SuccessCriteriaMet", reason, text), ("Complete", reason, text))

    def _fail(
        self,
        job: Manifest,
        active: Sequence[Manifest],
        done: int,
        failed: int,
        *,
        overdue: bool,
    ) -> None:
        for pod in active:
            self._work.delete("", "pods", pod)
        status = self._status(job, (), done, failed + len(active))
        reason, text = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        if overdue:
            reason = "DeadlineExceeded"
            text = "Job was active longer than specified deadline"
        self._end(job, status, ("FailureTarget", reason, text), ("Failed", reason, text))

    def _suspend(self, job: Manifest, active: Sequence[Manifest]) -> None:
        for pod in active:
            self._work.delete("", "pods", pod)
        old = (job.get("status") or {}).get("conditions") or ()
        if any(one["type"] == "Suspended" for one in old):
            return
        now = self._work.now
        condition = {
            "type": "Suspended",
            "status": "True",
            "lastProbeTime": now,
            "lastTransitionTime": now,
            "reason": "JobSuspended",
            "message": "Job suspended",
        }
        status = {"conditions": [condition], "terminating": 0, "uncountedTerminatedPods": {}}
        self._work.set_status(_GROUP, "jobs", job, {**status, "ready": 0})

    def _expire(self, job: Manifest) -> None:
        limit = job["spec"].get("ttlSecondsAfterFinished")
        current = self._work.get(_GROUP, "jobs", namespace_of(job), name_of(job))
        if limit is None or current is None:
            return
        ended = (current.get("status") or {}).get("conditions") or ()
        when = next(
            (one["lastTransitionTime"] for one in ended if one["type"] in ("Complete", "Failed")),
            None,
        )
        left = float(limit) - self._work.seconds_since(when)
        if left > 0:
            self._look_again(left, "expire", job)
        else:
            self._work.delete(_GROUP, "jobs", current)


class CronJobs:
    """The controller of CronJobs.

    Args:
        work: access to the cluster.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work

    def look_at(self, namespace: str, name: str) -> None:
        """Starts the Job that is due, tidies up, and waits for the next."""
        owner = self._work.get(_GROUP, "cronjobs", namespace, name)
        if owner is None or metadata_of(owner).get("deletionTimestamp"):
            return
        jobs = self._work.owned(_GROUP, "jobs", owner)
        active = [job for job in jobs if not finished_as(job)]
        status = self._status(owner, jobs, active)
        if not owner["spec"].get("suspend"):
            self._run_due(owner, active, status)
        owner = self._work.get(_GROUP, "cronjobs", namespace, name)
        if owner is not None:
            jobs = self._work.owned(_GROUP, "jobs", owner)
            active = [job for job in jobs if not finished_as(job)]
            new = self._status(owner, jobs, active)
            if status.get("lastScheduleTime"):
                new["lastScheduleTime"] = status["lastScheduleTime"]
            self._work.set_status(_GROUP, "cronjobs", owner, new)
        self._tidy(jobs, owner)

    def _status(
        self, owner: Manifest, jobs: Sequence[Manifest], active: Sequence[Manifest]
    ) -> dict[str, Any]:
        old: Mapping[str, Any] = owner.get("status") or {}
        status: dict[str, Any] = {}
        if active:
            status["active"] = [_reference(job) for job in active]
        if old.get("lastScheduleTime"):
            status["lastScheduleTime"] = old["lastScheduleTime"]
        ends = [
            str(job["status"].get("completionTime") or "")
            for job in jobs
            if finished_as(job) == "Complete"
        ]
        last = max([*ends, str(old.get("lastSuccessfulTime") or "")])
        if last:
            status["lastSuccessfulTime"] = last
        return status

    def _run_due(self, owner: Manifest, active: Sequence[Manifest], status: dict[str, Any]) -> None:
        spec = owner["spec"]
        try:
            schedule = parse_schedule(spec["schedule"])
        except BadSchedule:
            return
        zone = ZoneInfo(spec.get("timeZone") or "UTC")
        last = status.get("lastScheduleTime") or metadata_of(owner)["creationTimestamp"]
        now = self._work.moment
        due: datetime | None = None
        following = schedule.next_after(parse_rfc3339(last).astimezone(zone))
        while following is not None and following <= now:
            due, following = following, schedule.next_after(following)
        if due is not None and self._may_run(owner, active, due):
            self._start(owner, due)
            status["lastScheduleTime"] = format_rfc3339(due)
        if following is not None:
            namespace, name = namespace_of(owner), name_of(owner)
            key = ("due", "cronjobs", namespace, name)
            seconds = (following - now).total_seconds()
            self._work.later(seconds, key, lambda: self.look_at(namespace, name))

    def _may_run(self, owner: Manifest, active: Sequence[Manifest], due: datetime) -> bool:
        limit = owner["spec"].get("startingDeadlineSeconds")
        if limit is not None and self._work.moment - due > timedelta(seconds=limit):
            return False
        match owner["spec"].get("concurrencyPolicy"):
            case "Forbid":
                return not active
            case "Replace":
                for job in active:
                    self._work.delete(_GROUP, "jobs", job)
        return True

    def _start(self, owner: Manifest, due: datetime) -> None:
        template = owner["spec"]["jobTemplate"]
        given = template.get("metadata") or {}
        metadata: dict[str, Any] = {
            "name": f"{name_of(owner)}-{int(due.timestamp()) // 60}",
            "namespace": namespace_of(owner),
            "annotations": {**(given.get("annotations") or {}), _SCHEDULED_AT: format_rfc3339(due)},
            "ownerReferences": [controller_reference(owner)],
        }
        if given.get("labels"):
            metadata["labels"] = given["labels"]
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
        self._work.ensure(_GROUP, "jobs", {**job, "spec": template["spec"]})

    def _tidy(self, jobs: Sequence[Manifest], owner: Manifest | None) -> None:
        if owner is None:
            return
        for outcome, field in (
            ("Complete", "successfulJobsHistoryLimit"),
            ("Failed", "failedJobsHistoryLimit"),
        ):
            limit = owner["spec"].get(field)
            finished = [job for job in jobs if finished_as(job) == outcome]
            finished.sort(key=lambda job: str((job.get("status") or {}).get("startTime")))
            for job in (
                finished[: max(len(finished) - int(limit or 0), 0)] if limit is not None else ()
            ):
                self._work.delete(_GROUP, "jobs", job)


def _reference(job: Manifest) -> dict[str, Any]:
    return {
        "kind": "Job",
        "namespace": namespace_of(job),
        "name": name_of(job),
        "uid": uid_of(job),
        "apiVersion": "batch/v1",
        "resourceVersion": metadata_of(job).get("resourceVersion"),
    }
