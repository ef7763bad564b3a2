"""Jobs and CronJobs.

Source of the rules: ``k8s.io/kubernetes/pkg/apis/batch`` and ``pkg/registry/batch``; recordings.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from steersman.kit.cron import BadSchedule, parse_schedule
from steersman.kit.gotext import quote
from steersman.objects.manifest import Manifest, name_of
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    invalid,
    not_supported,
    required,
    too_long,
)
from steersman.servers.apiserver.strategies.podspec import default_pod_template
from steersman.servers.apiserver.strategies.podvalidation import validate_pod_template
from steersman.servers.apiserver.strategies.rules import KindRules, Tree, part
from steersman.servers.apiserver.strategy import Traits, WriteContext
from steersman.servers.apiserver.validation.objectmeta import immutable

__all__ = ["JOB_RULES"]

_NOT_NEGATIVE: Final = "must be greater than or equal to 0"
_SPEC_AND_STATUS: Final = {"": (("status",),), "status": (("spec",),)}
_RESTART: Final = ("OnFailure", "Never")
_UID_LABELS: Final = ("batch.kubernetes.io/controller-uid", "controller-uid")
_NAME_LABELS: Final = ("batch.kubernetes.io/job-name", "job-name")
_LONGEST_CRON_NAME: Final = 52


def _default_job_spec(spec: Tree) -> None:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    if spec.get("parallelism") is None:
        spec["parallelism"] = 1
    for name, value in (("backoffLimit", 6), ("suspend", False)):
        if spec.get(name) is None and not (
            name == "backoffLimit" and spec.get("backoffLimitPerIndex") is not None
        ):
            spec[name] = value
    if spec.get("backoffLimit") is None:
        spec["backoffLimit"] = 2**31 - 1
    spec.setdefault("completionMode", "NonIndexed")
    replacement = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", replacement)


def _default_job(obj: Manifest) -> None:
    _default_job_spec(obj["spec"])
    if obj["spec"].get("manualSelector") is None:
        obj["spec"]["manualSelector"] = False
    default_pod_template(obj["spec"]["template"])


def _default_cron_job(obj: Manifest) -> None:
    spec = obj["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    for name, value in (
        ("suspend", False),
        ("successfulJobsHistoryLimit", 3),
        ("failedJobsHistoryLimit", 1),
    ):
        if spec.get(name) is None:
            spec[name] = value
    job = spec["jobTemplate"].get("spec")
    if job is not None:
        default_pod_template(job["template"])


def _prepare_job(obj: Manifest, ctx: WriteContext) -> None:
    spec = obj["spec"]
    if spec.get("manualSelector"):
        return
    uid, name = obj["metadata"]["uid"], name_of(obj)
    metadata = spec["template"].setdefault("metadata", {})
    labels = dict(metadata.get("labels") or {})
    labels |= dict.fromkeys(_NAME_LABELS, name) | dict.fromkeys(_UID_LABELS, uid)
    metadata["labels"] = {one: labels[one] for one in sorted(labels)}
    selector = copy.deepcopy(spec.get("selector") or {})
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), _UID_LABELS[0]: uid}
    spec["selector"] = selector
    if not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(metadata["labels"])


def _validate_job_spec(spec: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = [
        invalid(f"{path}.{name}", spec[name], _NOT_NEGATIVE)
        for name in (
            "parallelism",
            "completions",
            "activeDeadlineSeconds",
            "backoffLimit",
            "ttlSecondsAfterFinished",
        )
        if (spec.get(name) or 0) < 0
    ]
    template = spec.get("template") or {}
    errors += validate_pod_template(template, f"{path}.template")
    policy = part(template, "spec").get("restartPolicy") or ""
    if policy not in _RESTART:
        field = f"{path}.template.spec.restartPolicy"
        if policy:
            errors.append(not_supported(field, policy, _RESTART))
        else:
            errors.append(required(field, f"valid values: {', '.join(map(quote, _RESTART))}"))
    return errors


def _validate_job(obj: Manifest) -> list[FieldError]:
    return _validate_job_spec(obj["spec"], "spec")


def _validate_job_update(new: Manifest, old: Manifest) -> list[FieldError]:
    now, was = new["spec"], old["spec"]
    errors: list[FieldError] = []
    for name in ("completions", "selector"):
        errors += immutable(now.get(name), was.get(name), f"spec.{name}")
    if not was.get("suspend") or (part(old, "status").get("startTime") is not None):
        errors += immutable(now["template"], was["template"], "spec.template")
    for name in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex"):
        errors += immutable(now.get(name), was.get(name), f"spec.{name}")
    return errors


def _validate_cron_job(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    schedule = spec.get("schedule") or ""
    if not schedule:
        errors.append(required("spec.schedule"))
    elif "TZ" in schedule:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid("spec.schedule", schedule, text))
    else:
        try:
            parse_schedule(schedule)
        except BadSchedule as bad:
            errors.append(invalid("spec.schedule", schedule, str(bad)))
    policies = ("Allow", "Forbid", "Replace")
    if spec.get("concurrencyPolicy") not in policies:
        errors.append(
            not_supported("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), policies)
        )
    job = spec["jobTemplate"].get("spec") or {}
    errors += _validate_job_spec(job, "spec.jobTemplate.spec")
    if len(name_of(obj)) > _LONGEST_CRON_NAME:
        errors.append(
            too_long("metadata.name", f"must be no more than {_LONGEST_CRON_NAME} characters")
        )
    return errors


JOB_RULES: Final[Mapping[tuple[str, str], KindRules]] = {
    ("batch", "Job"): KindRules(
        default=_default_job,
        prepare_create=_prepare_job,
        validate=_validate_job,
        validate_update=_validate_job_update,
        counts_generation=True,
        selectable=lambda obj: {
            "status.successful": str(part(obj, "status").get("succeeded") or 0)
        },
        traits=Traits(orphans_by_default=True, reset_fields=_SPEC_AND_STATUS),
    ),
    ("batch", "CronJob"): KindRules(
        default=_default_cron_job,
        validate=_validate_cron_job,
        counts_generation=True,
        traits=Traits(reset_fields=_SPEC_AND_STATUS),
    ),
}
