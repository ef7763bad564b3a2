"""The namespace of objects and of what refers to a namespace, with its exceptions.

Cluster-scoped kinds keep none; the name of a ``v1`` Namespace follows; subjects of role bindings
follow by a rule of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias, get_args

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters.fields import Change, change_field, change_fields, set_scalar
from steersman.kustomize.node import MISSING, Tree, is_empty, is_null, text_of, wrong_kind

__all__ = ["SubjectMode", "check_subject_mode", "set_namespace"]

SubjectMode: TypeAlias = Literal["defaultOnly", "none", "allServiceAccounts"]
"""Which subjects of role bindings are changed."""

_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_OWN = FieldSpec("metadata/namespace", create=True)


def check_subject_mode(mode: str) -> SubjectMode:
    """Reads ``setRoleBindingSubjects``; empty means ``defaultOnly``.

    Raises:
        BuildFailed: it is none of the modes.
    """
    if not mode:
        return "defaultOnly"
    for known in get_args(SubjectMode):
        if mode == known:
            return known  # type: ignore[no-any-return]
    raise BuildFailed(
        f'invalid value "{mode}" for setRoleBindingSubjects: '
        'must be one of "defaultOnly", "none" or "allServiceAccounts"'
    )


def set_namespace(
    tree: Tree,
    namespace: str,
    specs: Iterable[FieldSpec],
    *,
    cluster_scoped: bool,
    subjects: SubjectMode = "defaultOnly",
    unset_only: bool = False,
) -> Tree:
    """Writes a namespace into an object.

    Args:
        tree: the object.
        namespace: what to write.
        specs: further fields that hold a namespace.
        cluster_scoped: the kind has none of its own.
        subjects: which subjects of role bindings follow.
        unset_only: leave fields alone that have one.
    """
    kind = text_of(tree.get("kind", ""))
    core = text_of(tree.get("apiVersion", "")) == "v1"
    change = _writer(namespace, unset_only=unset_only)
    if not cluster_scoped:
        tree = change_field(tree, _OWN, change, create="scalar")
    binding = kind in _BINDINGS
    if binding:
        tree = _set_subjects(tree, change, subjects)
    wanted = [spec for spec in specs if _is_wanted(spec, core=core, binding=binding)]
    try:
        return change_fields(tree, wanted, change, create="text")
    except BuildFailed as error:
        scalar = "expected ScalarNode but got" in error.problem
        prefix = "namespace field specs must target scalar nodes" if scalar else (
            "namespace transformation failed"
        )  # fmt: skip
        raise error.within(prefix) from None


def _writer(namespace: str, *, unset_only: bool) -> Change:
    write = set_scalar(namespace, "!!str")
    if not unset_only:
        return write

    def change(node: Tree) -> Tree:
        blank = is_empty(node) or (not isinstance(node, dict | list) and not text_of(node))
        return write(node) if blank or isinstance(node, dict | list) else node

    return change


def _is_wanted(spec: FieldSpec, *, core: bool, binding: bool) -> bool:
    if spec.path == "metadata/namespace" or (spec.path == "metadata/name" and not core):
        return False
    return not (binding and spec.path == "subjects/namespace" and spec.gvk.kind in _BINDINGS)


def _set_subjects(tree: Tree, change: Change, mode: SubjectMode) -> Tree:
    held = tree.get("subjects", MISSING)
    if mode == "none" or held is MISSING or is_null(held):
        return tree
    if not isinstance(held, list):
        raise wrong_kind("SequenceNode", held).within(
            "setting namespace on (cluster)role binding subjects"
        )
    chosen = _chooser(mode)
    subjects = [
        {**subject, "namespace": change(subject.get("namespace", ""))}
        if chosen(subject)
        else subject
        for subject in held
    ]
    return {**tree, "subjects": subjects}


def _chooser(mode: SubjectMode) -> Callable[[Tree], bool]:
    field, value = ("name", "default") if mode == "defaultOnly" else ("kind", "ServiceAccount")

    def chosen(subject: Tree) -> bool:
        if not isinstance(subject, dict):
            return False
        found = subject.get(field, MISSING)
        return not is_empty(found) and text_of(found) == value

    return chosen
