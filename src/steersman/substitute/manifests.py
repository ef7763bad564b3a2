"""Substitution on built objects: as YAML text, whose values are read again afterwards.

So an unquoted number that comes out of a variable becomes a number, as in Flux.

Source: behaviour of fluxcd/pkg kustomize (SubstituteVariables).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from steersman.apis.kustomization import SUBSTITUTE
from steersman.errors import SteersmanError
from steersman.kit import yaml
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest, annotations_of, labels_of, name_of
from steersman.substitute.expand import BadSubstitution, VariableNotSet, expand
from steersman.substitute.variables import InvalidVariables, check_names

__all__ = ["SubstitutionFailed", "substitute_manifest"]


class SubstitutionFailed(SteersmanError):
    """An object could not be substituted; the whole build fails."""

    default_reason = "BuildFailed"


def substitute_manifest(
    manifest: Manifest,
    variables: Mapping[str, str],
    *,
    strict: bool,
    always: bool,
    origin: Callable[[], str] = str,
) -> Manifest:
    """Replaces the variables in one object.

    Nothing happens when there are no variables (unless ``always``), or when the object says
    ``kustomize.toolkit.fluxcd.io/substitute: disabled`` as label or annotation.

    Args:
        manifest: the built object; left as it is.
        variables: values by name.
        strict: refuse variables without a value or a default.
        always: expand also when there are no variables.
        origin: tells where the object comes from, for the message; may tell nothing.

    Raises:
        SubstitutionFailed: names the object, what is wrong and where it comes from.
    """
    if not (variables or always) or _is_disabled(manifest):
        return manifest
    try:
        check_names(variables)
    except InvalidVariables as error:
        raise _failure(manifest, error.message, str, hint=error.hint) from error
    if b"$" not in msgspec.json.encode(manifest):
        return manifest
    try:
        text = expand(yaml.dump(manifest), variables, strict=strict)
    except VariableNotSet as error:
        raise _failure(
            manifest,
            f"variable substitution failed: {error}",
            origin,
            hint=f"set `{error.name}` in spec.postBuild, or give a default:"
            f" ${{{error.name}:=value}}; write $${{{error.name}}} to keep the text",
        ) from error
    except BadSubstitution as error:
        raise _failure(
            manifest,
            f"variable substitution failed: {error}",
            origin,
            hint="correct the expression, or write $${...} to keep the text",
        ) from error
    return _read_back(text, manifest, origin)


def _is_disabled(manifest: Manifest) -> bool:
    return "disabled" in (
        labels_of(manifest).get(SUBSTITUTE),
        annotations_of(manifest).get(SUBSTITUTE),
    )


def _read_back(text: str, manifest: Manifest, origin: Callable[[], str]) -> Manifest:
    try:
        documents = yaml.load_all(text, "sigs")
    except yaml.YamlError as error:
        raise _failure(manifest, f"YAMLToJSON: {error}", origin) from error
    value = documents[0].value if documents else None
    if not isinstance(value, dict):
        raise _failure(manifest, "UnmarshalJSON: the result is no object", origin)
    return value


def _failure(
    manifest: Manifest, problem: str, origin: Callable[[], str], *, hint: str | None = None
) -> SubstitutionFailed:
    gvk = GroupVersionKind.of(manifest)
    kind = f"{gvk.kind}.{gvk.version}.{gvk.group or '[noGrp]'}"
    text = f"post build failed for '{kind}/{name_of(manifest)}': envsubst error: {problem}"
    place = origin()
    return SubstitutionFailed(f"{text}\nfrom {place}" if place else text, hint=hint)
