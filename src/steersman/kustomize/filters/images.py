"""Image names, tags and digests."""

from __future__ import annotations

from collections.abc import Iterable

from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters.fields import change_fields, set_scalar
from steersman.kustomize.model import Image
from steersman.kustomize.node import MISSING, Tree, is_null, text_of, wrong_kind
from steersman.kustomize.pattern import matches_somewhere

__all__ = ["set_image", "set_images_everywhere", "split_image"]

_CONTAINERS = ("containers", "initContainers")
_TAGS = "(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$"


def split_image(image: str) -> tuple[str, str, str]:
    """Splits ``host:5000/name:tag@digest`` into name, tag and digest."""
    slash = image.find("/")
    start = slash if slash > 0 else 0
    at, colon = image.find("@", start), image.find(":", start)
    if at < 0 and colon < 0:
        return image, "", ""
    if at >= 0 and (at < colon or colon < 0):
        return image[:at], "", image[at + 1 :]
    if at >= 0:
        return image[:colon], image[colon + 1 : at], image[at + 1 :]
    return image[:colon], image[colon + 1 :], ""


def _renamed(image: str, wanted: Image) -> str:
    name, tag, digest = split_image(image)
    name = wanted.new_name or name
    if wanted.new_tag:
        tag, digest = wanted.new_tag, wanted.digest
    elif wanted.digest:
        tag, digest = "", wanted.digest
    elif wanted.tag_suffix:
        tag, digest = tag + wanted.tag_suffix, ""
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def _change(node: Tree, wanted: Image) -> Tree:
    if is_null(node):
        return node
    if isinstance(node, dict | list):
        raise wrong_kind("ScalarNode", node)
    image = text_of(node)
    if wanted.name not in image and wanted.name.isalnum():
        return node
    if not matches_somewhere(f"^{wanted.name}{_TAGS}")(image):
        return node
    return set_scalar(_renamed(image, wanted))(node)


def set_image(tree: Tree, specs: Iterable[FieldSpec], wanted: Image) -> Tree:
    """Renames an image in the fields of ``specs``; definitions of kinds are left alone."""
    if text_of(tree.get("kind", "")) == "CustomResourceDefinition":
        return tree
    return change_fields(tree, specs, lambda node: _change(node, wanted))


def set_images_everywhere(tree: Tree, wanted: Image) -> Tree:
    """Renames an image in every ``containers`` and ``initContainers`` list, at any depth."""
    if text_of(tree.get("kind", "")) == "CustomResourceDefinition":
        return tree
    return _walk(tree, wanted)


def _walk(node: Tree, wanted: Image) -> Tree:
    if isinstance(node, dict):
        changed: dict[str, Tree] = {}
        for key, value in node.items():
            if not isinstance(value, dict | list):
                continue
            new = _walk(value, wanted)
            if key in _CONTAINERS and isinstance(new, list):
                new = _in_containers(new, wanted)
            if new is not value:
                changed[key] = new
        return {**node, **changed} if changed else node
    if isinstance(node, list):
        items = [_walk(item, wanted) if isinstance(item, dict | list) else item for item in node]
        same = all(new is old for new, old in zip(items, node, strict=True))
        return node if same else items
    return node


def _in_containers(containers: list[Tree], wanted: Image) -> list[Tree]:
    result = []
    for container in containers:
        if is_null(container):
            result.append(container)
            continue
        if not isinstance(container, dict):
            raise wrong_kind("MappingNode", container)
        image = container.get("image", MISSING)
        new = image if image is MISSING else _change(image, wanted)
        result.append(container if new is image else {**container, "image": new})
    return result
