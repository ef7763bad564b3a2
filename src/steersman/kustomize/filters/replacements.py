"""Copies values from one field to others (``replacements``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldpath import lookup, split_smart
from steersman.kustomize.filters.matchpath import Made, find
from steersman.kustomize.filters.structured import replace_inside
from steersman.kustomize.model import FieldOptions, Replacement, SourceSelector, TargetSelector
from steersman.kustomize.node import (
    MISSING,
    Tree,
    edit_at,
    is_empty,
    kind_of_node,
    retexted,
    text_of,
    untagged,
)
from steersman.kustomize.resource import Resource
from steersman.kustomize.resourceset import SelectorRegex, matches_selectors

__all__ = ["replace"]

_DEFAULT_PATH = "metadata.name"


def replace(resources: Sequence[Resource], replacements: Iterable[Replacement]) -> None:
    """Applies replacements in turn.

    Raises:
        BuildFailed: a source or target is missing, ambiguous, or does not fit.
    """
    for replacement in replacements:
        sourced = replacement.source_value is not None or replacement.source is not None
        if not sourced or replacement.targets is None:
            raise BuildFailed("replacements must specify a source and at least one target")
        value = _value_of(resources, replacement)
        for target in replacement.targets:
            _apply(resources, value, target)


def _value_of(resources: Sequence[Resource], replacement: Replacement) -> Tree:
    source, constant = replacement.source, replacement.source_value
    if constant is not None:
        if source is not None:
            raise BuildFailed("value and resource selectors are mutually exclusive")
        return untagged(constant)
    assert source is not None
    chosen = _the_source(resources, source)
    path = source.field_path or _DEFAULT_PATH
    try:
        found = lookup(chosen.tree, split_smart(path))
    except BuildFailed as error:
        raise error.within("error looking up replacement source") from None
    if is_empty(found):
        raise BuildFailed(
            f"fieldPath `{path}` is missing for replacement source {source.id}",
            object=str(source.id),
            field=path,
        )
    return _refined(source.options, found)


def _the_source(resources: Sequence[Resource], source: SourceSelector) -> Resource:
    matches = [
        resource
        for resource in resources
        if any(id.is_selected_by(source.id) for id in resource.all_ids())
    ]
    if len(matches) > 1:
        raise BuildFailed(f"multiple matches for selector {source}")
    if not matches:
        raise BuildFailed(f"nothing selected by {source}")
    return matches[0]


def _refined(options: FieldOptions | None, value: Tree) -> Tree:
    """Takes the part of a text that ``delimiter`` and ``index`` name."""
    if options is None or not options.delimiter:
        return value
    if isinstance(value, dict | list):
        raise BuildFailed("delimiter option can only be used with scalar nodes")
    parts = text_of(value).split(options.delimiter)
    if not 0 <= options.index < len(parts):
        raise BuildFailed(
            f"options.index {options.index} is out of bounds for value {text_of(value)}"
        )
    return retexted(value, parts[options.index])


def _apply(resources: Sequence[Resource], value: Tree, target: TargetSelector) -> None:
    if target.select is None:
        raise BuildFailed("target must specify resources to select")
    try:
        select = SelectorRegex(target.select)
        rejects = [SelectorRegex(reject) for reject in target.reject]
    except BuildFailed as error:
        raise error.within("error creating target selector") from None
    for resource in resources:
        ids = (resource.id, *resource.previous_ids)
        if not matches_selectors(resource, target.select):
            continue
        if any(_rejects(resource, reject) for reject in target.reject):
            continue
        if any(
            not regex.selector.names_nothing and any(map(regex.matches_id, ids))
            for regex in rejects
        ):
            continue
        if any(map(select.matches_id, ids)):
            _write(resource, value, target)


def _rejects(resource: Resource, reject: object) -> bool:
    from steersman.kustomize.model import Selector

    assert isinstance(reject, Selector)
    if not reject.annotation_selector and not reject.label_selector:
        return False
    return matches_selectors(resource, reject)


def _write(resource: Resource, value: Tree, target: TargetSelector) -> None:
    options = target.options
    for field_path in target.field_paths or (_DEFAULT_PATH,):
        create: Made = kind_of_node(value) if options is not None and options.create else ""  # type: ignore[assignment]
        path = split_smart(field_path)
        inside = replace_inside(resource.tree, path, value, create)
        if inside is not MISSING:
            resource.tree = inside
            continue
        try:
            tree, routes = find(resource.tree, path, create=create)
        except BuildFailed as error:
            raise error.within(_not_found(field_path, create)) from None
        if not routes:
            raise BuildFailed(
                _not_found(field_path, create), object=str(resource.id), field=field_path
            )
        for route in routes:
            tree = edit_at(tree, route, lambda node: _set(node, value, options))
        resource.tree = tree


def _not_found(field_path: str, create: Made) -> str:
    action = "find or create" if create else "find"
    return f'unable to {action} field "{field_path}" in replacement target'


def _set(node: Tree, value: Tree, options: FieldOptions | None) -> Tree:
    if options is not None and options.delimiter:
        if isinstance(node, dict | list):
            raise BuildFailed("delimiter option can only be used with scalar nodes")
        parts = text_of(node).split(options.delimiter)
        if options.index < 0:
            parts.insert(0, text_of(value))
        elif options.index >= len(parts):
            parts.append(text_of(value))
        else:
            parts[options.index] = text_of(value)
        return retexted(node, options.delimiter.join(parts))
    if isinstance(node, dict | list):
        return value
    return retexted(node, text_of(value))
