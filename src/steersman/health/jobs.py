"""The rule for Jobs that a wait uses: current means finished, not merely started.

Source: behaviour of fluxcd/pkg runtime/statusreaders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.health.fields import conditions_of, field_of, integer_of, text_of
from steersman.health.verdict import Verdict, current, failed, in_progress
from steersman.objects.identity import GroupKind

__all__ = ["JOB", "check_job", "has_time_to_live"]

JOB = GroupKind("batch", "Job")


def check_job(manifest: Mapping[str, Any]) -> Verdict:
    """Judges a Job; a suspended one counts as current."""
    if field_of(manifest, "spec", "suspend") is True:
        return current("Job is suspended")
    parallelism = integer_of(manifest, "spec", "parallelism", default=1)
    completions = integer_of(manifest, "spec", "completions", default=parallelism)
    active = integer_of(manifest, "status", "active")
    succeeded = integer_of(manifest, "status", "succeeded")
    failures = integer_of(manifest, "status", "failed")
    for condition in conditions_of(manifest):
        if condition.type == "Complete" and condition.status == "True":
            return current(f"Job Completed. succeeded: {succeeded}/{completions}")
        if condition.type == "Failed" and condition.status == "True":
            return failed("JobFailed", f"Job Failed. failed: {failures}/{completions}")
    if not text_of(manifest, "status", "startTime"):
        return in_progress("JobNotStarted", f"Job not started. active: 0/{parallelism}")
    return in_progress(
        "JobInProgress",
        f"Job in progress. success:{succeeded}, active: {active}, failed: {failures}",
    )


def has_time_to_live(manifest: Mapping[str, Any]) -> bool:
    """Tells whether a Job removes itself when finished, so that its absence means success."""
    ttl = field_of(manifest, "spec", "ttlSecondsAfterFinished")
    return (
        text_of(manifest, "kind") == "Job"
        and text_of(manifest, "apiVersion").startswith("batch/")
        and isinstance(ttl, int)
    )
