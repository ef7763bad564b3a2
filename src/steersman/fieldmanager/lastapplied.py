"""``kubectl apply``'s annotation, so that moving from client-side to server-side apply works."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from steersman.objects.manifest import Manifest, annotations_of, metadata_of

__all__ = ["LAST_APPLIED", "last_applied_of", "with_last_applied"]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
ANNOTATIONS_LIMIT = 256 * 1024
_HTML = re.compile("[<>&\u2028\u2029]")


def last_applied_of(manifest: Mapping[str, Any]) -> str:
    """Returns the text of the annotation, or an empty one."""
    text = annotations_of(manifest).get(LAST_APPLIED)
    return text if isinstance(text, str) else ""


def with_last_applied(manifest: Manifest, config: Manifest) -> Manifest:
    """Returns the object with ``config`` in its annotation; without it when that is too large."""
    annotations = {**annotations_of(manifest), LAST_APPLIED: _encode(config)}
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > ANNOTATIONS_LIMIT:
        del annotations[LAST_APPLIED]
    return {**manifest, "metadata": {**metadata_of(manifest), "annotations": annotations}}


def _encode(config: Manifest) -> str:
    metadata = dict(metadata_of(config))
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        kept = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
        metadata["annotations"] = kept
    text = json.dumps(
        {**config, "metadata": metadata},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return _HTML.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
