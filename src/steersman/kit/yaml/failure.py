"""``YamlError``: why a text is not the YAML that Go's parsers accept."""

from __future__ import annotations

from steersman.errors import Stalled

__all__ = ["YamlError"]


class YamlError(Stalled):
    """A text could not be read as YAML.

    Args:
        problem: Go's text for it, such as ``yaml: line 8: did not find expected key``.
        source: file name or another name of the text; may be empty.
        line: one-based line in the text; 0 when unknown.
        column: one-based column; 0 when unknown.
    """

    default_reason = "InvalidYaml"

    def __init__(self, problem: str, *, source: str = "", line: int = 0, column: int = 0) -> None:
        place = (
            f"{source or 'input'}:{line}:{column}: " if line else f"{source}: " if source else ""
        )
        super().__init__(f"{place}{problem}")
        self.problem = problem
        self.source = source
        self.line = line
        self.column = column
