"""The query options of a request, parsed and checked.

Source of the rules and texts: recorded answers of kube-apiserver 1.36 and
``k8s.io/apimachinery/pkg/apis/meta/{v1,internalversion}/validation``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steersman.kit.gotext import quote
from steersman.objects.selectors import (
    EVERY_FIELD,
    EVERYTHING,
    FieldSelector,
    LabelSelector,
    SelectorError,
)
from steersman.servers.apiserver.answers import bad_request, invalid_options
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    GoText,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)

__all__ = [
    "DeleteOptions",
    "ListOptions",
    "WriteOptions",
    "parse_bool",
    "parse_delete_options",
    "parse_list_options",
    "parse_write_options",
]

_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))


def parse_bool(value: str | None) -> bool:
    """Reads a flag as the API does: anything it does not know is false."""
    return value in _TRUE


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Options of create, update and patch.

    Attributes:
        field_validation: Ignore, Warn or Strict.
        manager: the field manager, defaulted from the User-Agent.
    """

    manager: str
    dry_run: bool = False
    field_validation: str = "Warn"
    force: bool = False


def parse_write_options(
    kind: str, query: Mapping[str, str], user_agent: str, *, apply: bool = False
) -> WriteOptions:
    """Reads the options of a write.

    Args:
        kind: CreateOptions, UpdateOptions or PatchOptions, for the error texts.
        query: the query of the request.
        user_agent: the header; its part before ``/`` is the default field manager.
        apply: the request is an apply patch.

    Raises:
        ApiError: 422, an option has a value that is not allowed.
    """
    errors: list[FieldError] = []
    manager = query.get("fieldManager", "")
    force = parse_bool(query.get("force"))
    if kind == "PatchOptions":
        if apply and not manager:
            errors.append(required("fieldManager", "is required for apply patch"))
        if not apply and "force" in query and query["force"]:
            errors.append(forbidden("force", "may not be specified for non-apply patch"))
    errors += _check_manager(manager)
    errors += _check_dry_run(query)
    validation = query.get("fieldValidation", "")
    if validation not in ("", "Ignore", "Warn", "Strict"):
        supported = ("", "Ignore", "Strict", "Warn")
        errors.append(not_supported("fieldValidation", validation, supported))
    if errors:
        raise invalid_options(kind, errors)
    return WriteOptions(
        manager=manager or _default_manager(user_agent),
        dry_run=bool(query.get("dryRun")),
        field_validation=validation or "Warn",
        force=force,
    )


def _default_manager(user_agent: str) -> str:
    name = user_agent.partition("/")[0]
    kept = "".join(character for character in name if character.isprintable())
    return kept.encode()[:128].decode(errors="ignore") or "unknown"


def _check_manager(manager: str) -> list[FieldError]:
    if len(manager.encode()) > 128:
        return [too_long("fieldManager", "may not be more than 128 bytes")]
    for position, character in enumerate(manager):
        if not character.isprintable():
            detail = f"invalid character U+{ord(character):04X} (at position {position})"
            return [invalid("fieldManager", manager, detail)]
    return []


def _check_dry_run(query: Mapping[str, str]) -> list[FieldError]:
    value = query.get("dryRun", "")
    if value in ("", "All"):
        return []
    return [not_supported("dryRun", GoText(f"[{quote(value)}]"), ("All",))]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Options of list, watch and deletecollection. Resource versions are texts as sent."""

    labels: LabelSelector = EVERYTHING
    fields: FieldSelector = EVERY_FIELD
    resource_version: str = ""
    match: str = ""
    limit: int = 0
    continue_token: str = ""
    watch: bool = False
    bookmarks: bool = False
    initial_events: bool | None = None
    timeout: int | None = None


def parse_list_options(query: Mapping[str, str], *, watch: bool) -> ListOptions:
    """Reads the options of a list or watch.

    Raises:
        ApiError: 400 for selectors, 422 for combinations that are not allowed.
    """
    try:
        labels = LabelSelector.parse(query.get("labelSelector", ""))
    except SelectorError as error:
        raise bad_request(str(error)) from error
    try:
        fields = FieldSelector.parse(query.get("fieldSelector", ""))
    except SelectorError as error:
        raise bad_request(str(error)) from error
    initial = query.get("sendInitialEvents")
    options = ListOptions(
        labels=labels,
        fields=fields,
        resource_version=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
        limit=_int(query.get("limit")) or 0,
        continue_token=query.get("continue", ""),
        watch=watch,
        bookmarks=parse_bool(query.get("allowWatchBookmarks")),
        initial_events=parse_bool(initial) if initial else None,
        timeout=_int(query.get("timeoutSeconds")),
    )
    errors = _check_watch_match(options) if watch else _check_list_match(options)
    if errors:
        raise invalid_options("ListOptions", errors)
    return options


def _int(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError as error:
        message = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise bad_request(message) from error


_MATCH = "resourceVersionMatch"


def _check_list_match(options: ListOptions) -> list[FieldError]:
    if options.initial_events is not None:
        return [forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")]
    if not options.match:
        return []
    errors = []
    if not options.resource_version:
        errors.append(
            forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
        )
    if options.continue_token:
        errors.append(forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided"))
    if options.match not in ("Exact", "NotOlderThan"):
        errors.append(not_supported(_MATCH, options.match, ("Exact", "NotOlderThan", "")))
    if options.match == "Exact" and options.resource_version == "0":
        detail = f'{_MATCH} "exact" is forbidden for resourceVersion "0"'
        errors.append(forbidden(_MATCH, detail))
    return errors


def _check_watch_match(options: ListOptions) -> list[FieldError]:
    if options.initial_events is None:
        if options.match:
            detail = f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"
            return [forbidden(_MATCH, detail)]
        return []
    if options.match != "NotOlderThan":
        detail = f"sendInitialEvents requires setting {_MATCH} to NotOlderThan"
        return [forbidden(_MATCH, detail)]
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """Options of a deletion.

    Attributes:
        propagation: Background, Foreground, Orphan, or empty for the kind's default.
        grace: seconds, or ``None`` for the kind's default.
        uid: the object must have it.
        resource_version: the object must have it.
    """

    propagation: str = ""
    grace: int | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False
    ignore_store_read_error: bool = False


_POLICIES = ("Foreground", "Background", "Orphan")


def parse_delete_options(query: Mapping[str, str], body: Mapping[str, Any]) -> DeleteOptions:
    """Reads the options from the body, or from the query when there is no body.

    Raises:
        ApiError: 422, an option has a value that is not allowed.
    """
    orphan = body.get("orphanDependents")
    if not body and query.get("orphanDependents"):
        orphan = parse_bool(query["orphanDependents"])
    propagation = body.get("propagationPolicy")
    if not body:
        propagation = query.get("propagationPolicy")
    errors: list[FieldError] = []
    if propagation is not None and orphan is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid("propagationPolicy", propagation, detail))
    elif propagation is not None and propagation not in _POLICIES:
        errors.append(not_supported("propagationPolicy", propagation, (*_POLICIES, "nil")))
    dry_run = body.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
    if dry_run not in ([], ["All"]):
        shown = " ".join(quote(value) for value in dry_run)
        errors.append(not_supported("dryRun", GoText(f"[{shown}]"), ("All",)))
    if errors:
        raise invalid_options("DeleteOptions", errors)
    grace = body.get("gracePeriodSeconds")
    if grace is None and not body:
        grace = _int(query.get("gracePeriodSeconds"))
    if orphan is not None:
        propagation = "Orphan" if orphan else "Background"
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        propagation=propagation or "",
        grace=grace,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run=bool(dry_run),
    )
