"""Which objects of a resource a request is about: namespace, name, labels and fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.kit.gotext import quote
from steersman.objects.manifest import Manifest, labels_of
from steersman.objects.selectors import FieldSelector, LabelSelector
from steersman.servers.apiserver.answers import bad_request
from steersman.servers.apiserver.resources import Resource

__all__ = ["Selection"]

_EVERYWHERE = ("metadata.name", "metadata.namespace")
_NO_OBJECT: dict[str, Any] = {"metadata": {}}


class Selection:
    """A label and a field selector on one resource.

    Raises:
        ApiError: 400, the resource does not know a field.
    """

    __slots__ = ("_fields", "_labels", "_only_metadata", "_resource", "name")

    def __init__(self, resource: Resource, labels: LabelSelector, fields: FieldSelector) -> None:
        self._resource = resource
        self._labels = labels
        self._fields = fields
        self._only_metadata = all(term.path in _EVERYWHERE for term in fields.terms)
        self.name = fields.exact("metadata.name")
        if not self._only_metadata:
            self._check()

    def _check(self) -> None:
        known = set(self._resource.strategy.selectable_fields(_NO_OBJECT)) | set(_EVERYWHERE)
        for term in self._fields.terms:
            if term.path not in known:
                if self._resource.custom or len(known) > len(_EVERYWHERE):
                    raise bad_request(f"field label not supported: {term.path}")
                raise bad_request(
                    f"{quote(term.path)} is not a known field selector: only "
                    '"metadata.name", "metadata.namespace"'
                )

    def __bool__(self) -> bool:
        return bool(self._labels) or bool(self._fields)

    def matches(self, obj: Manifest) -> bool:
        """Says whether an object is selected."""
        if self._labels and not self._labels.matches(labels_of(obj)):
            return False
        if not self._fields:
            return True
        metadata = obj["metadata"]
        known: Mapping[str, str] = {
            "metadata.name": metadata.get("name", ""),
            "metadata.namespace": metadata.get("namespace", ""),
        }
        if not self._only_metadata:
            known = {**known, **self._resource.strategy.selectable_fields(obj)}
        return self._fields.matches(lambda path: known.get(path, ""))
