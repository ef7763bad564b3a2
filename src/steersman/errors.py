"""The tree of errors. The class says what to do next; the subclass says what happened.

::

    SteersmanError            reason: CamelCase, becomes the condition's reason
      Retry                   transient; try again with back-off
        NetworkFailed
        ApiUnavailable
        Throttled
      Waiting                 something else is not ready; look again later or when it changes
        SourceNotReady
        DependencyNotReady
      Denied                  credentials or rights are missing; retried, since they may be granted
        Unauthorized
        Forbidden
      Stalled                 no retry can help before the spec or a person changes something
        InvalidSpec
        CrossNamespaceDenied
      Bug                     a broken invariant of ours; carries its story
        InvalidTransition

Names are intents, so they carry no ``Error`` suffix. Messages are lower case, without a full stop,
subject first, and never hold a secret.
"""

from __future__ import annotations

__all__ = [
    "ApiUnavailable",
    "Bug",
    "CrossNamespaceDenied",
    "Denied",
    "DependencyNotReady",
    "Forbidden",
    "InvalidSpec",
    "InvalidTransition",
    "NetworkFailed",
    "Retry",
    "SourceNotReady",
    "Stalled",
    "SteersmanError",
    "Throttled",
    "Unauthorized",
    "Waiting",
]


class SteersmanError(Exception):
    """Anything that Steersman reports to its users.

    Args:
        message: what happened, subject first, one line where possible.
        reason: CamelCase word for the condition; each subclass has a default.
        hint: what to do next, if we know it.
    """

    default_reason = "Failed"

    def __init__(self, message: str, *, reason: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.hint = hint


class Retry(SteersmanError):
    """A transient failure: try again with back-off."""


class NetworkFailed(Retry):
    """A peer could not be reached, or the connection broke."""

    default_reason = "NetworkFailed"


class ApiUnavailable(Retry):
    """A server answered that it cannot serve now (5xx)."""

    default_reason = "ApiUnavailable"


class Throttled(Retry):
    """A server asked for fewer requests (429).

    Args:
        message: what was refused.
        retry_after: seconds the server asked to wait, if it said so.
    """

    default_reason = "Throttled"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Waiting(SteersmanError):
    """Something else is not ready yet.

    Args:
        message: what is waited for.
        after: seconds until the next look if no watch wakes us earlier.
        reason: CamelCase word for the condition.
    """

    default_reason = "Progressing"

    def __init__(self, message: str, *, after: float, reason: str | None = None) -> None:
        super().__init__(message, reason=reason)
        self.after = after


class SourceNotReady(Waiting):
    """The source has no artifact yet."""

    default_reason = "SourceNotReady"


class DependencyNotReady(Waiting):
    """An object named in ``dependsOn`` is not ready."""

    default_reason = "DependencyNotReady"


class Denied(SteersmanError):
    """Credentials or rights are missing."""

    default_reason = "AccessDenied"


class Unauthorized(Denied):
    """The server did not accept who we are (401)."""

    default_reason = "AuthenticationFailed"


class Forbidden(Denied):
    """The server knows who we are and says no (403)."""

    default_reason = "Forbidden"


class Stalled(SteersmanError):
    """No retry can help before the spec or a person changes something."""

    default_reason = "Stalled"


class InvalidSpec(Stalled):
    """A field's value cannot be used."""

    default_reason = "InvalidSpec"


class CrossNamespaceDenied(Stalled):
    """A reference points into another namespace and the settings forbid that."""

    default_reason = "AccessDenied"


class Bug(SteersmanError):
    """A broken invariant of ours."""

    default_reason = "InternalError"


class InvalidTransition(Bug):
    """A state machine was told something that cannot happen in its state."""
