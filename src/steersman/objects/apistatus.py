"""``metav1.Status`` and :class:`ApiError`, the one shape in which the Kubernetes API says no.

Servers raise :class:`ApiError` and encode it; clients decode it and raise it again, so both sides
speak of the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steersman.errors import SteersmanError

__all__ = ["ApiError", "status_cause"]


def status_cause(reason: str, message: str, field: str = "") -> dict[str, str]:
    """Builds one entry of ``details.causes``."""
    cause = {"reason": reason, "message": message}
    return {**cause, "field": field} if field else cause


class ApiError(SteersmanError):
    """A failure answer of the Kubernetes API.

    Args:
        code: HTTP status.
        status_reason: the API's word, such as ``NotFound`` or ``Conflict``; may be empty.
        message: the API's message.
        details: ``details`` of the Status, as sent.
        retry_after: seconds from ``Retry-After`` or ``details.retryAfterSeconds``.
    """

    default_reason = "ApiError"

    def __init__(
        self,
        code: int,
        status_reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status_reason = status_reason
        self.details: Mapping[str, Any] | None = details
        self.retry_after = retry_after

    @property
    def causes(self) -> Sequence[Mapping[str, str]]:
        """The causes in ``details``, possibly empty."""
        return (self.details or {}).get("causes") or ()

    def to_status(self) -> dict[str, Any]:
        """Returns the Status object, keys in the order the real server uses."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.status_reason:
            status["reason"] = self.status_reason
        if self.details is not None:
            status["details"] = dict(self.details)
        status["code"] = self.code
        return status

    @classmethod
    def from_status(cls, status: Mapping[str, Any], code: int) -> ApiError:
        """Reads a Status object that came with HTTP status ``code``."""
        details = status.get("details")
        details = details if isinstance(details, dict) else None
        return cls(
            int(status.get("code") or code),
            str(status.get("reason") or ""),
            str(status.get("message") or ""),
            details=details,
            retry_after=(details or {}).get("retryAfterSeconds"),
        )
