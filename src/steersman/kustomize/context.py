"""What a whole build shares: the schema in use and the warnings given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steersman.kustomize.cache import BuildCache, Journaled
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.loader import Loader
from steersman.kustomize.schema import MergeSchema, built_in_schema, read_custom_schema

__all__ = ["BUILT_IN_VERSION", "BuildContext"]

BUILT_IN_VERSION = "v1.21.2"
"""The only schema version that ``openapi.version`` may name."""


@dataclass(slots=True)
class BuildContext:
    """State of one build; never shared between builds.

    Args:
        schema: how kinds merge; may be replaced while the build goes on.
        warnings: what did not stop the build.
        cache: remembers bases, if the caller has one.
        journal: what was read, when there is a cache.
    """

    schema: MergeSchema = field(default_factory=built_in_schema)
    warnings: list[str] = field(default_factory=list)
    cache: BuildCache | None = None
    journal: Journaled | None = None
    _chosen: bool = False

    def warn(self, text: str) -> None:
        """Notes something that does not stop the build."""
        self.warnings.append(text)

    def use_schema(self, openapi: Mapping[str, str], loader: Loader, *, nested: bool) -> None:
        """Takes the schema that a kustomization asks for; the outermost choice stays.

        Raises:
            BuildFailed: both a version and a file, an unknown version, or an unreadable file.
        """
        content = loader.load(openapi["path"]) if "path" in openapi else None
        if self._chosen and nested:
            return
        version = openapi.get("version", "")
        if content is not None:
            if "version" in openapi:
                raise BuildFailed("builtin version and custom schema provided, cannot use both")
            custom = read_custom_schema(content)
            base = self.schema if nested else self.schema.scopes_only()
            self.schema = base.merged_with(custom)
            self._chosen = True
        elif version:
            if version != BUILT_IN_VERSION:
                raise BuildFailed("the specified OpenAPI version is not built in")
            self._chosen = True
