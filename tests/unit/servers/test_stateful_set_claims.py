"""A StatefulSet's claims are volumes of its pods."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import load_catalogue
from steersman.servers.apiserver.strategies.registry import for_resource
from steersman.servers.apiserver.strategy import WriteContext


class EmptyCluster:
    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        return None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        return ()


CTX = WriteContext(now="2026-01-01T00:00:00Z", cluster=EmptyCluster())


def a_stateful_set(mount: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {
                    "containers": [
                        {
                            "name": "db",
                            "image": "db",
                            "volumeMounts": [{"name": mount, "mountPath": "/data"}],
                        }
                    ]
                },
            },
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1Gi"}},
                    },
                }
            ],
        },
    }


@pytest.mark.parametrize(
    ("mount", "fields"),
    [("data", []), ("other", ["spec.template.spec.containers[0].volumeMounts[0].name"])],
    ids=["a claim can be mounted", "what is no volume and no claim cannot"],
)
def test_mounts(mount: str, fields: list[str]) -> None:
    catalogue = load_catalogue()
    info = catalogue.resource_of(GroupVersionKind("apps", "v1", "StatefulSet"))
    assert info is not None
    strategy = for_resource(info, catalogue)
    manifest = strategy.decode(a_stateful_set(mount)).obj
    assert [error.field for error in strategy.validate_create(manifest, CTX)] == fields
