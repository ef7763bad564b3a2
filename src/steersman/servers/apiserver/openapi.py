"""OpenAPI v3 documents, one for each group version, built when first asked for.

They carry what clients read: schemas with their group, version and kind, and paths whose patch
operation says that ``fieldValidation`` is supported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from steersman.objects.identity import GroupVersionKind
from steersman.schemas.catalogue import Catalogue, Schema
from steersman.servers.apiserver.resources import Resource, ResourceTable

__all__ = ["OpenApi"]

_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")


class OpenApi:
    """The documents of one server.

    Args:
        catalogue: schemas of the built-in kinds.
        table: what is served.
    """

    def __init__(self, catalogue: Catalogue, table: ResourceTable) -> None:
        self._catalogue = catalogue
        self._table = table
        self._hashes: dict[str, str] = {}
        self._documents: dict[str, tuple[str, bytes]] = {}
        self._revision = -1

    def index(self) -> dict[str, Any]:
        """``/openapi/v3``: where each document is, with its hash."""
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self.hash_of(path)}"}
            for path in sorted(self._paths())
        }
        return {"paths": paths}

    def hash_of(self, path: str) -> str | None:
        """Returns the hash of a document such as ``apis/apps/v1``, or ``None``."""
        if self._revision != self._table.revision:
            self._hashes.clear()
            self._revision = self._table.revision
        known = self._hashes.get(path)
        if known is None:
            resources = self._resources(path)
            if not resources and path not in self._documents_without_resources():
                return None
            facts = [
                (resource.info, resource.schema if resource.custom else None)
                for resource in resources
            ]
            text = msgspec.json.encode([self._catalogue.minor, path, facts])
            known = self._hashes[path] = hashlib.sha512(text).hexdigest().upper()
        return known

    def document(self, path: str) -> bytes | None:
        """Returns a document, or ``None`` when nothing is served under its path."""
        digest = self.hash_of(path)
        if digest is None:
            return None
        kept = self._documents.get(path)
        if kept is None or kept[0] != digest:
            body = msgspec.json.encode(self._build(path))
            kept = self._documents[path] = (digest, body)
        return kept[1]

    def _documents_without_resources(self) -> Iterator[str]:
        yield from (".well-known/openid-configuration", "api", "apis", "openid/v1/jwks", "version")
        yield from (f"apis/{group}" for group in self._table.groups if group)

    def _paths(self) -> Iterator[str]:
        yield from self._documents_without_resources()
        for group, versions in self._table.groups.items():
            for version in versions:
                yield f"apis/{group}/{version}" if group else f"api/{version}"

    def _resources(self, path: str) -> list[Resource]:
        parts = path.split("/")
        match parts:
            case ["api", version]:
                return self._table.in_version("", version)
            case ["apis", group, version] if group:
                return self._table.in_version(group, version)
            case _:
                return []

    def _build(self, path: str) -> dict[str, Any]:
        if not self._resources(path):
            answer = {"responses": {"200": {"description": "OK"}}}
            return _document(self._catalogue.minor, {f"/{path}/": {"get": answer}}, {})
        schemas: dict[str, Any] = {}
        paths: dict[str, Any] = {}
        wanted: list[str] = [f"{_META}.DeleteOptions", f"{_META}.Status"]
        for resource in self._resources(path):
            name = self._schema_name(resource)
            if resource.custom:
                schemas.update(_custom_schemas(resource, name))
                wanted += [f"{_META}.ObjectMeta", f"{_META}.ListMeta"]
            else:
                wanted.append(name)
                list_gvk = resource.gvk._replace(kind=resource.list_kind)
                list_name = self._catalogue.definition_name(list_gvk)
                wanted += [list_name] if list_name else []
                wanted += self._subresource_schemas(resource)
            paths.update(_resource_paths(f"/{path}", resource, name))
        schemas.update(self._reachable(wanted))
        return _document(self._catalogue.minor, paths, schemas)

    def _schema_name(self, resource: Resource) -> str:
        name = self._catalogue.definition_name(resource.gvk)
        if name and not resource.custom:
            return name
        info = resource.info
        return ".".join((*reversed(info.group.split(".")), info.version, info.kind))

    def _subresource_schemas(self, resource: Resource) -> Iterator[str]:
        info = resource.info
        for sub in info.subresources:
            gvk = GroupVersionKind(sub.group or info.group, sub.version or info.version, sub.kind)
            name = self._catalogue.definition_name(gvk)
            if name:
                yield name

    def _reachable(self, names: Iterable[str]) -> Iterator[tuple[str, Schema]]:
        seen: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            schema = self._catalogue.definitions.get(name)
            if name in seen or schema is None:
                continue
            seen.add(name)
            yield name, schema
            todo.extend(_refs(schema))


def _document(minor: str, paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"v{minor}.0"},
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_REF)
            else:
                yield from _refs(value)
    elif isinstance(node, list):
        for item in node:
            yield from _refs(item)


def _gvk_entry(gvk: GroupVersionKind) -> dict[str, str]:
    return {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}


def _custom_schemas(resource: Resource, name: str) -> dict[str, Any]:
    schema = dict(resource.schema or {"type": "object"})
    properties = dict(schema.get("properties") or {})
    properties["apiVersion"] = properties.get("apiVersion") or {"type": "string"}
    properties["kind"] = properties.get("kind") or {"type": "string"}
    properties["metadata"] = {"allOf": [{"$ref": f"{_REF}{_META}.ObjectMeta"}]}
    schema["properties"] = dict(sorted(properties.items()))
    schema["x-kubernetes-group-version-kind"] = [_gvk_entry(resource.gvk)]
    items = {"type": "array", "items": {"$ref": f"{_REF}{name}"}}
    list_schema = {
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "items": items,
            "kind": {"type": "string"},
            "metadata": {"allOf": [{"$ref": f"{_REF}{_META}.ListMeta"}]},
        },
        "x-kubernetes-group-version-kind": [
            _gvk_entry(resource.gvk._replace(kind=resource.list_kind))
        ],
    }
    return {name: schema, f"{name}List": list_schema}


_ACTIONS = {"get": "get", "put": "put", "patch": "patch", "delete": "delete"}
_METHOD_VERBS = {"get": "get", "put": "update", "patch": "patch", "delete": "delete"}


def _resource_paths(root: str, resource: Resource, name: str) -> dict[str, Any]:
    info = resource.info
    base = (
        f"{root}/namespaces/{{namespace}}/{info.plural}"
        if info.namespaced
        else (f"{root}/{info.plural}")
    )
    collection: dict[str, Any] = {}
    if "list" in info.verbs:
        collection["get"] = _operation(resource, "list", name)
    if "create" in info.verbs:
        collection["post"] = _operation(resource, "post", name)
    if "deletecollection" in info.verbs:
        collection["delete"] = _operation(resource, "deletecollection", name)
    paths: dict[str, Any] = {base: collection}
    if info.namespaced and "list" in info.verbs:
        paths[f"{root}/{info.plural}"] = {"get": _operation(resource, "list", name)}
    item = {
        method: _operation(resource, _ACTIONS[method], name)
        for method, verb in _METHOD_VERBS.items()
        if verb in info.verbs
    }
    if item:
        paths[f"{base}/{{name}}"] = item
    for sub in info.subresources:
        gvk = GroupVersionKind(sub.group or info.group, sub.version or info.version, sub.kind)
        operations = {
            method: _operation(resource, _ACTIONS[method], name, gvk)
            for method, verb in _METHOD_VERBS.items()
            if verb in sub.verbs
        }
        if "create" in sub.verbs:
            operations["post"] = _operation(resource, "post", name, gvk)
        paths[f"{base}/{{name}}/{sub.name}"] = operations
    return {path: operations for path, operations in paths.items() if operations}


def _operation(
    resource: Resource, action: str, name: str, gvk: GroupVersionKind | None = None
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk_entry(gvk or resource.gvk),
        "responses": {
            "200": {
                "description": "OK",
                "content": {"application/json": {"schema": {"$ref": f"{_REF}{name}"}}},
            }
        },
    }
    if action in ("post", "put", "patch"):
        wanted = (*_WRITE_PARAMETERS, "force") if action == "patch" else _WRITE_PARAMETERS
        operation["parameters"] = [
            {"name": one, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for one in wanted
        ]
    return operation
