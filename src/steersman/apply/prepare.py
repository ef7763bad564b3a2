"""Makes built manifests ready to send: labels of the owner, normal form, common metadata.

Source: behaviour of fluxcd/kustomize-controller (apply) and fluxcd/pkg ssa/normalize.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from steersman.apis.kustomization import OWNER_NAME_LABEL, OWNER_NAMESPACE_LABEL
from steersman.apply.normalise import Normaliser
from steersman.errors import SteersmanError
from steersman.objects.identity import ObjectRef
from steersman.objects.manifest import Manifest, annotations_of, metadata_of

__all__ = ["EncryptedSecret", "owner_labels", "prepare_manifests"]

_DECRYPT = "kustomize.toolkit.fluxcd.io/decrypt"


class EncryptedSecret(SteersmanError):
    """A Secret still holds what SOPS made of it."""

    default_reason = "ReconciliationFailed"


def owner_labels(name: str, namespace: str) -> dict[str, str]:
    """Returns the labels that make an object the Kustomization's."""
    return {OWNER_NAME_LABEL: name, OWNER_NAMESPACE_LABEL: namespace}


def prepare_manifests(
    manifests: Iterable[Manifest],
    *,
    owner: Mapping[str, str],
    normaliser: Normaliser,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> tuple[Manifest, ...]:
    """Prepares manifests in their order; the given ones stay as they are.

    Args:
        manifests: what was built.
        owner: labels that mark the owner.
        normaliser: gives the normal form.
        labels: common labels; they win over what the manifest and the owner say.
        annotations: common annotations; they win as well.

    Raises:
        EncryptedSecret: an object was not decrypted.
    """
    prepared = []
    for manifest in manifests:
        _refuse_encrypted(manifest)
        normal = normaliser.normalise(_with_metadata(manifest, owner, {}))
        prepared.append(_with_metadata(normal, labels, annotations))
    return tuple(prepared)


def _with_metadata(
    manifest: Manifest, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> Manifest:
    metadata: dict[str, Any] = dict(metadata_of(manifest))
    for field, added in (("labels", labels), ("annotations", annotations)):
        if added:
            present = metadata.get(field)
            metadata[field] = {**(present if isinstance(present, dict) else {}), **added}
    return {**manifest, "metadata": metadata}


def _refuse_encrypted(manifest: Manifest) -> None:
    if manifest.get("kind") != "Secret" or manifest.get("apiVersion") != "v1":
        return
    if "sops" not in manifest:
        return
    if annotations_of(manifest).get(_DECRYPT, "").lower() == "disabled":
        return
    raise EncryptedSecret(
        f"{ObjectRef.of(manifest)} is SOPS encrypted, configuring decryption is required for"
        " this secret to be reconciled"
    )
