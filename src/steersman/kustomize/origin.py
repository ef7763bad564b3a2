"""Where objects come from, and which transformers changed them (``buildMetadata``)."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace

from steersman.kit.yaml import YamlError, dump, load_all
from steersman.kustomize.remote import parse_repo_spec
from steersman.kustomize.resource import ORIGIN, TRANSFORMATIONS, Resource

__all__ = ["Origin", "add_origin", "add_transformation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The place of a file, or of the generator or transformer that was configured in it."""

    path: str = ""
    repo: str = ""
    ref: str = ""
    configured_in: str = ""
    configured_by: tuple[tuple[str, str], ...] = ()

    def below(self, path: str) -> Origin:
        """Returns the origin of what ``path`` names, relative to this one."""
        spec = parse_repo_spec(path)
        if spec is None:
            return replace(self, path=_clean(self.path, path))
        return replace(self, repo=spec.clone_url, ref=spec.ref, path=_clean("", spec.directory))

    def of_builtin(self, file: str, kind: str) -> Origin:
        """Returns the origin of what a built-in generator or transformer makes."""
        by = (("apiVersion", "builtin"), ("kind", kind))
        return Origin(
            repo=self.repo,
            ref=self.ref,
            configured_in=_clean(self.path, file),
            configured_by=by,
        )

    def to_value(self) -> dict[str, object]:
        """Returns the annotation's value, empty parts left out."""
        value: dict[str, object] = {
            "path": self.path,
            "repo": self.repo,
            "ref": self.ref,
            "configuredIn": self.configured_in,
            "configuredBy": {key: text for key, text in self.configured_by if text},
        }
        return {key: item for key, item in value.items() if item}

    def __str__(self) -> str:
        return dump(self.to_value(), sort_keys=False)


def _clean(*parts: str) -> str:
    joined = "/".join(part for part in parts if part)
    return posixpath.normpath(joined) if joined else ""


def add_origin(resource: Resource, origin: Origin) -> None:
    """Notes where an object comes from, unless that is known."""
    annotations = resource.annotations
    if ORIGIN not in annotations:
        resource.set_annotations({**annotations, ORIGIN: str(origin)})


def add_transformation(resource: Resource, origin: Origin) -> None:
    """Notes a transformer; an object without an origin is taken to be made by it."""
    annotations = resource.annotations
    if ORIGIN not in annotations:
        resource.set_annotations({**annotations, ORIGIN: str(origin)})
        return
    steps = _parsed(annotations.get(TRANSFORMATIONS, ""))
    steps.append(origin.to_value())
    resource.set_annotations({**annotations, TRANSFORMATIONS: dump(steps, sort_keys=False)})


def _parsed(text: str) -> list[object]:
    try:
        documents = load_all(text, "sigs")
    except YamlError:
        return []
    value = documents[0].value if documents else None
    return list(value) if isinstance(value, list) else []


def origin_of_config(resource: Resource) -> Origin | None:
    """Returns the origin that a transformer's or generator's own config gives its work."""
    text = resource.annotations.get(ORIGIN)
    if text is None:
        return None
    documents = load_all(text, "sigs")
    value = documents[0].value if documents else None
    held = value if isinstance(value, dict) else {}
    by = (
        ("apiVersion", resource.api_version),
        ("kind", resource.kind),
        ("name", resource.name),
        ("namespace", resource.namespace),
    )
    return Origin(
        repo=str(held.get("repo") or ""),
        ref=str(held.get("ref") or ""),
        configured_in=str(held.get("path") or ""),
        configured_by=by,
    )
