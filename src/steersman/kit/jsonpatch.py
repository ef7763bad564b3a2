"""JSON patches (RFC 6902) as Kubernetes applies them.

Kubernetes departs from the RFC: negative indices count from the end of a list, ``replace`` and
``copy`` accept missing keys of objects, and ``add`` cannot replace the whole document.
:data:`KUBERNETES` is that dialect and the default; :data:`STANDARD` follows the RFC.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steersman.errors import SteersmanError
from steersman.kit.jsonpointer import unescape

__all__ = ["KUBERNETES", "STANDARD", "Dialect", "JsonPatchFailed", "apply_json_patch", "json_equal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Which deviations from RFC 6902 hold.

    Args:
        lenient_keys: ``replace``, ``copy`` of a missing key of an object work (as null).
        root_operations: ``add``, ``copy`` and ``move`` may name the whole document.
        allow_missing_on_remove: removing what is not there does nothing.
        ensure_path_on_add: ``add`` creates missing parents.
        copy_limit: most bytes that all ``copy`` operations together may add; 0 is no limit.
    """

    lenient_keys: bool = True
    root_operations: bool = False
    allow_missing_on_remove: bool = False
    ensure_path_on_add: bool = False
    copy_limit: int = 3 * 1024 * 1024


KUBERNETES = Dialect()
STANDARD = Dialect(lenient_keys=False, root_operations=True)


class JsonPatchFailed(SteersmanError):
    """A patch that cannot be applied; the message names operation and path."""

    default_reason = "Invalid"


_MISSING = object()


def apply_json_patch(
    document: Any, patch: Sequence[Mapping[str, Any]], dialect: Dialect = KUBERNETES
) -> Any:
    """Returns the patched document; the given one is left as it is.

    Args:
        document: an object or a list.
        patch: the operations, in order.
        dialect: the deviations from the RFC.

    Raises:
        JsonPatchFailed: an operation is malformed, does not apply, or a test failed.
    """
    editor = _Editor(document, dialect)
    for operation in patch:
        if not isinstance(operation, Mapping):
            raise JsonPatchFailed("operation is not an object")
        editor.run(operation)
    return editor.root


def json_equal(left: Any, right: Any) -> bool:
    """Compares JSON values; unlike ``==`` tells ``1`` from ``true`` and from ``1.0``."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(
            json_equal(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return bool(left == right)


class _Editor:
    """Edits a document in place where the containers are its own, and copies them first else."""

    def __init__(self, document: Any, dialect: Dialect) -> None:
        self.root = document
        self._dialect = dialect
        self._owned: dict[int, Any] = {}
        self._copied = 0

    def run(self, operation: Mapping[str, Any]) -> None:
        kind = operation.get("op")
        match kind:
            case "add":
                self._add(_path(operation, "path", kind), operation.get("value"), kind)
            case "remove":
                self._remove(_path(operation, "path", kind))
            case "replace":
                self._replace(_path(operation, "path", kind), operation.get("value"))
            case "move":
                self._move(operation)
            case "copy":
                self._copy(operation)
            case "test":
                self._test(_path(operation, "path", kind), operation.get("value"))
            case _:
                name = kind if isinstance(kind, str) else "unknown"
                raise JsonPatchFailed(f"Unexpected kind: {name}")

    def _own(self, container: Any) -> Any:
        if id(container) in self._owned:
            return container
        mine = container.copy()
        self._owned[id(mine)] = mine
        return mine

    def _parent(self, path: str) -> tuple[Any, str] | None:
        """Returns the editable container a path ends in and the last token; None if missing."""
        tokens = path.split("/")
        if len(tokens) < 2 or not isinstance(self.root, (dict, list)):
            return None
        self.root = node = self._own(self.root)
        for token in map(unescape, tokens[1:-1]):
            found = _get(node, token, strict=True)
            if not isinstance(found, (dict, list)):
                return None
            mine = self._own(found)
            node[token if isinstance(node, dict) else int(token)] = mine
            node = mine
        return node, unescape(tokens[-1])

    def _create_parents(self, path: str) -> None:
        if not isinstance(self.root, (dict, list)):
            return
        tokens = [unescape(token) for token in path.split("/")][1:]
        self.root = node = self._own(self.root)
        for token, following in itertools.pairwise(tokens):
            found = _get(node, token, strict=False)
            if isinstance(found, (dict, list)):
                child = self._own(found)
            else:
                is_index = following == "-" or following.lstrip("-").isdecimal()
                child = [] if is_index else {}
                self._owned[id(child)] = child
            _put(node, token, child)
            node = child
        if isinstance(node, list) and tokens[-1].isdecimal():
            node.extend([None] * (int(tokens[-1]) - len(node)))

    def _add(self, path: str, value: Any, kind: str) -> None:
        if path == "" and self._dialect.root_operations:
            self.root = value
            return
        if kind == "add" and self._dialect.ensure_path_on_add:
            self._create_parents(path)
        place = self._parent(path)
        if place is None:
            where = f'path: "{path}"' if kind == "add" else f"destination path: {path}"
            raise JsonPatchFailed(
                f"{kind} operation does not apply: doc is missing {where}: missing value"
            )
        container, key = place
        if isinstance(container, dict):
            container[key] = value
        elif key == "-":
            container.append(value)
        else:
            container.insert(_index(key, len(container) + 1, f"error in {kind}", path), value)

    def _take(self, path: str, kind: str) -> Any:
        """Removes what a path names and returns it."""
        place = self._parent(path)
        if place is None:
            where = f"from path: {path}" if kind == "move" else f'path: "{path}"'
            raise JsonPatchFailed(
                f"{kind} operation does not apply: doc is missing {where}: missing value"
            )
        container, key = place
        if isinstance(container, list):
            return container.pop(_index(key, len(container), f"error in {kind}", path))
        if key not in container:
            shown = key if kind == "move" else path
            raise JsonPatchFailed(
                f"error in {kind} for path: '{shown}': "
                f"Unable to remove nonexistent key: {key}: missing value"
            )
        return container.pop(key)

    def _remove(self, path: str) -> None:
        try:
            self._take(path, "remove")
        except JsonPatchFailed:
            if not self._dialect.allow_missing_on_remove:
                raise

    def _value_at(self, path: str, kind: str) -> Any:
        if path == "":
            return self.root
        place = self._parent(path)
        if place is None:
            where = {"copy": "doc is missing from", "test": "is missing"}.get(
                kind, "doc is missing"
            )
            raise JsonPatchFailed(
                f"{kind} operation does not apply: {where} path: {path}: missing value"
            )
        container, key = place
        if isinstance(container, dict):
            return container.get(key, _MISSING)
        return container[_index(key, len(container), f"error in {kind}", path)]

    def _replace(self, path: str, value: Any) -> None:
        if path == "":
            if not self._dialect.root_operations and not isinstance(value, (dict, list)):
                raise JsonPatchFailed("replace operation value must be object or array")
            self.root = value
            return
        if self._value_at(path, "replace") is _MISSING and not self._dialect.lenient_keys:
            raise JsonPatchFailed(
                f"replace operation does not apply: doc is missing key: {path}: missing value"
            )
        place = self._parent(path)
        assert place is not None
        container, key = place
        if isinstance(container, dict):
            container[key] = value
        else:
            container[int(key)] = value

    def _move(self, operation: Mapping[str, Any]) -> None:
        source = _path(operation, "from", "move")
        value = self._take(source, "move")
        self._add(_path(operation, "path", "move"), value, "move")

    def _copy(self, operation: Mapping[str, Any]) -> None:
        source = _path(operation, "from", "copy")
        value = self._value_at(source, "copy")
        if value is _MISSING:
            if not self._dialect.lenient_keys:
                raise JsonPatchFailed(
                    f"error in copy for from: '{source}': unable to get nonexistent key"
                )
            value = None
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        self._copied += len(text.encode())
        if 0 < self._dialect.copy_limit < self._copied:
            raise JsonPatchFailed(
                "Unable to complete the copy, the accumulated size increase of copy is "
                f"{self._copied}, exceeding the limit {self._dialect.copy_limit}"
            )
        self._add(_path(operation, "path", "copy"), json.loads(text), "copy")

    def _test(self, path: str, expected: Any) -> None:
        value = self._value_at(path, "test")
        if not json_equal(None if value is _MISSING else value, expected):
            raise JsonPatchFailed(f"testing value {path} failed: test failed")


def _path(operation: Mapping[str, Any], field: str, kind: str) -> str:
    path = operation.get(field)
    if not isinstance(path, str):
        raise JsonPatchFailed(f"{kind} operation failed to decode {field}: missing value")
    return path


def _index(token: str, size: int, what: str, path: str) -> int:
    """Reads a list index below ``size``; negative ones count from the end."""
    try:
        index = int(token)
    except ValueError:
        raise JsonPatchFailed(
            f"{what} for path: '{path}': value was not a proper array index: '{token}'"
        ) from None
    if not -size <= index < size:
        raise JsonPatchFailed(
            f"{what} for path: '{path}': "
            f"Unable to access invalid index: {index}: invalid index referenced"
        )
    return index + size if index < 0 else index


def _get(container: Any, token: str, *, strict: bool) -> Any:
    if isinstance(container, dict):
        return container.get(token)
    try:
        return container[_index(token, len(container), "error", token)]
    except JsonPatchFailed:
        if strict:
            return None
        return _MISSING


def _put(container: Any, key: str, value: Any) -> None:
    """Sets a child while parents are created; a list grows with nulls up to the index."""
    if isinstance(container, dict):
        container[key] = value
        return
    index = len(container) if key == "-" else int(key)
    container.extend([None] * (index + 1 - len(container)))
    container[index] = value
