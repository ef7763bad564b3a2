"""``BuildFailed``: why a build stopped, in kustomize's words, and where."""

from __future__ import annotations

from steersman.errors import Stalled

__all__ = ["BuildFailed"]


class BuildFailed(Stalled):
    """A build cannot succeed before somebody changes the files.

    Args:
        problem: kustomize's text.
        file: path of the file at fault, when known.
        line: one-based line in it; 0 when unknown.
        object: the object at fault as kustomize names it, when known.
        field: path of the field at fault, when known.
    """

    default_reason = "BuildFailed"

    def __init__(
        self, problem: str, *, file: str = "", line: int = 0, object: str = "", field: str = ""
    ) -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        about = f" (object {object})" if object and object not in problem else ""
        super().__init__(f"{where}{problem}{about}")
        self.problem = problem
        self.file = file
        self.line = line
        self.object = object
        self.field = field

    def within(self, prefix: str) -> BuildFailed:
        """Returns the failure with ``prefix: `` before its text, as Go wraps errors."""
        return self.reworded(f"{prefix}: {self.problem}")

    def reworded(self, problem: str) -> BuildFailed:
        """Returns the failure with another text and the same place."""
        return type(self)(
            problem, file=self.file, line=self.line, object=self.object, field=self.field
        )

    def placed(self, file: str, line: int = 0) -> BuildFailed:
        """Returns the failure with a place, unless it has one."""
        if self.file:
            return self
        return type(self)(self.problem, file=file, line=line, object=self.object, field=self.field)
