"""Names for versions of a pod template, and the ControllerRevisions that keep them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import Manifest, labels_of, metadata_of, name_of, namespace_of
from steersman.servers.nodes.workshop import Workshop, controller_reference

__all__ = ["REVISION_LABEL", "revision_of", "template_hash"]

REVISION_LABEL: Final = "controller-revision-hash"
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_LENGTH: Final = 10


def template_hash(template: Mapping[str, Any], salt: int = 0) -> str:
    """Returns a short name for a template: the same for equal templates.

    The letters are those of the real hashes; the hash itself is not the real one, which depends on
    how Go prints structs.
    """
    text = json.dumps([template, salt] if salt else template, sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_LENGTH])


def _history(work: Workshop, owner: Manifest) -> Sequence[Manifest]:
    found = work.owned("apps", "controllerrevisions", owner)
    return sorted(found, key=lambda one: int(one.get("revision") or 0))


def revision_of(work: Workshop, owner: Manifest) -> str:
    """Returns the name of the revision of an owner's template, keeping the history.

    Args:
        work: access to the cluster.
        owner: a StatefulSet or DaemonSet.
    """
    template = owner["spec"]["template"]
    short = template_hash(template)
    name = f"{name_of(owner)}-{short}"
    history = _history(work, owner)
    last = int(history[-1].get("revision") or 0) if history else 0
    current = next((one for one in history if name_of(one) == name), None)
    if current is None:
        work.ensure("apps", "controllerrevisions", _revision(owner, name, short, last + 1))
    elif int(current.get("revision") or 0) < last:
        work.edit("apps", "controllerrevisions", current, lambda now: {**now, "revision": last + 1})
    limit = owner["spec"].get("revisionHistoryLimit")
    for old in history[: max(len(history) - 1 - (10 if limit is None else limit), 0)]:
        if name_of(old) != name:
            work.delete("apps", "controllerrevisions", old)
    return name


def _revision(owner: Manifest, name: str, short: str, number: int) -> Manifest:
    labels = {**labels_of(owner["spec"]["template"]), REVISION_LABEL: short}
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace_of(owner),
        "labels": labels,
        "ownerReferences": [controller_reference(owner)],
    }
    annotations = metadata_of(owner).get("annotations")
    if annotations:
        metadata["annotations"] = dict(annotations)
    template = {**owner["spec"]["template"], "$patch": "replace"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": {"spec": {"template": template}},
        "revision": number,
    }
