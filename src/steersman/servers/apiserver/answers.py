"""Failure answers in the words of the real server.

Source of the wording: recorded answers of kube-apiserver 1.36, and
``k8s.io/apimachinery/pkg/api/errors``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steersman.kit.gotext import quote
from steersman.objects.apistatus import ApiError, status_cause
from steersman.objects.identity import GroupKind
from steersman.servers.apiserver.fielderrors import FieldError, invalid_object

__all__ = [
    "ExpiredToken",
    "already_exists",
    "bad_request",
    "conflict",
    "expired",
    "forbidden",
    "internal",
    "invalid_options",
    "method_not_allowed",
    "modified",
    "not_acceptable",
    "not_found",
    "qualified",
    "rejected",
    "too_large",
    "too_large_version",
    "unauthorized",
    "unknown_resource",
    "unsupported_media_type",
]

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def qualified(group: str, plural: str) -> str:
    """``deployments.apps``, or just ``pods`` in the core group."""
    return f"{plural}.{group}" if group else plural


def _details(group: str, plural: str, name: str, **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if plural:
        details["kind"] = plural
    details.update(more)
    return details


def not_found(group: str, plural: str, name: str) -> ApiError:
    """404: the object is absent."""
    message = f"{qualified(group, plural)} {quote(name)} not found"
    return ApiError(404, "NotFound", message, details=_details(group, plural, name))


def unknown_resource() -> ApiError:
    """404: the group version has no such resource."""
    message = "the server could not find the requested resource"
    return ApiError(404, "NotFound", message, details={})


def already_exists(group: str, plural: str, name: str) -> ApiError:
    """409: an object of that name is there."""
    message = f"{qualified(group, plural)} {quote(name)} already exists"
    return ApiError(409, "AlreadyExists", message, details=_details(group, plural, name))


def conflict(group: str, plural: str, name: str, text: str) -> ApiError:
    """409: the operation does not fit the object's present state."""
    message = f"Operation cannot be fulfilled on {qualified(group, plural)} {quote(name)}: {text}"
    return ApiError(409, "Conflict", message, details=_details(group, plural, name))


def modified(group: str, plural: str, name: str) -> ApiError:
    """409: the resource version sent is not the present one."""
    return conflict(group, plural, name, MODIFIED)


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def internal(message: str) -> ApiError:
    """500 without a reason, as the real server answers plain errors."""
    return ApiError(500, "", message)


def unauthorized() -> ApiError:
    """401."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(group: str, plural: str, name: str, text: str, **details: Any) -> ApiError:
    """403: ``pods "x" is forbidden: TEXT``."""
    subject = qualified(group, plural)
    subject = f"{subject} {quote(name)}" if name else subject
    return ApiError(
        403,
        "Forbidden",
        f"{subject} is forbidden: {text}",
        details=_details(group, plural, name, **details),
    )


def method_not_allowed() -> ApiError:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, details={})


def rejected() -> ApiError:
    """422 without causes: a JSON patch does not fit."""
    message = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", message, details={})


_REPRESENTATIONS = (
    "application/json, application/yaml, application/vnd.kubernetes.protobuf, "
    "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
)


def not_acceptable() -> ApiError:
    """406: the client accepts nothing that we can write."""
    text = f"Available representations: {_REPRESENTATIONS}"
    return ApiError(406, "NotAcceptable", f"406: Not Acceptable\n\n{text}", details={})


def unsupported_media_type(message: str = "415: Unsupported Media Type") -> ApiError:
    """415."""
    details: dict[str, Any] | None = {} if message.startswith("415") else None
    return ApiError(415, "UnsupportedMediaType", message, details=details)


def too_large(limit: int) -> ApiError:
    """413: the body is too long."""
    message = f"Request entity too large: limit is {limit}"
    return ApiError(413, "RequestEntityTooLarge", message)


def expired(message: str) -> ApiError:
    """410: the history does not reach that far back."""
    return ApiError(410, "Expired", message)


class ExpiredToken(ApiError):
    """410 for a continue token, with one that goes on without the snapshot.

    Args:
        message: the API's message.
        token: where an inconsistent list can go on.
    """

    def __init__(self, message: str, token: str) -> None:
        super().__init__(410, "Expired", message)
        self.token = token

    def to_status(self) -> dict[str, Any]:
        """Returns the Status, with the new token in its metadata."""
        return {**super().to_status(), "metadata": {"continue": self.token}}


def too_large_version(wanted: int, current: int) -> ApiError:
    """504: a resource version from the future."""
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    cause = status_cause("ResourceVersionTooLarge", "Too large resource version")
    details = {"causes": [cause], "retryAfterSeconds": 1}
    return ApiError(504, "Timeout", message, details=details, retry_after=1)


def invalid_options(kind: str, errors: Sequence[FieldError]) -> ApiError:
    """422 on the options of a request, such as ``CreateOptions``."""
    return invalid_object(GroupKind("meta.k8s.io", kind), "", errors)
