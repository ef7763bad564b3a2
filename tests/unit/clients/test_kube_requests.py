from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from steersman.clients.kube import request as requests
from steersman.clients.kube.request import ListOptions, PatchType, Request
from steersman.objects.identity import GroupVersionKind
from steersman.schemas.catalogue import ResourceInfo, load_catalogue


def resource(group: str, version: str, kind: str) -> ResourceInfo:
    found = load_catalogue().resource_of(GroupVersionKind(group, version, kind))
    assert found is not None
    return found


PODS = resource("", "v1", "Pod")
NODES = resource("", "v1", "Node")
DEPLOYMENTS = resource("apps", "v1", "Deployment")
ROLES = resource("rbac.authorization.k8s.io", "v1", "ClusterRole")
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "n"}}
BODY = json.dumps(POD, separators=(",", ":")).encode()
ALL_PODS = "/api/v1/pods"
ONE_POD = "/api/v1/namespaces/n/pods/a"


@dataclass(frozen=True)
class Case:
    id: str
    made: Request
    expected: Request


CASES = [
    Case(
        "an object of the core group is read below its namespace",
        requests.get_request(PODS, "a", "n"),
        Request(method="GET", path=ONE_POD),
    ),
    Case(
        "a namespace given for a cluster-scoped object is ignored",
        requests.get_request(NODES, "a", "n"),
        Request(method="GET", path="/api/v1/nodes/a"),
    ),
    Case(
        "a name with a colon stays readable and a slash is quoted",
        requests.get_request(ROLES, "system:a/b"),
        Request(method="GET", path="/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%2Fb"),
    ),
    Case(
        "only metadata is asked for by its media type",
        requests.get_request(PODS, "a", "n", metadata_only=True),
        Request(
            method="GET",
            path=ONE_POD,
            accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        ),
    ),
    Case(
        "a list without a namespace is of all namespaces",
        requests.list_request(DEPLOYMENTS, ListOptions(), limit=500),
        Request(method="GET", path="/apis/apps/v1/deployments", query=(("limit", "500"),)),
    ),
    Case(
        "the next page keeps the selectors and carries its token",
        requests.list_request(
            PODS,
            ListOptions(namespace="n", label_selector="a=b", field_selector="metadata.name=c"),
            limit=2,
            continue_token="T",
            resource_version="0",
        ),
        Request(
            method="GET",
            path="/api/v1/namespaces/n/pods",
            query=(
                ("labelSelector", "a=b"),
                ("fieldSelector", "metadata.name=c"),
                ("limit", "2"),
                ("continue", "T"),
            ),
        ),
    ),
    Case(
        "a watch asks for bookmarks",
        requests.watch_request(PODS, ListOptions(), resource_version="7", timeout_seconds=300),
        Request(
            method="GET",
            path=ALL_PODS,
            query=(
                ("watch", "true"),
                ("allowWatchBookmarks", "true"),
                ("resourceVersion", "7"),
                ("timeoutSeconds", "300"),
            ),
            long=True,
        ),
    ),
    Case(
        "a watch can ask for the present objects first",
        requests.watch_request(
            PODS, ListOptions(), resource_version="", timeout_seconds=300, initial_events=True
        ),
        Request(
            method="GET",
            path=ALL_PODS,
            query=(
                ("watch", "true"),
                ("allowWatchBookmarks", "true"),
                ("sendInitialEvents", "true"),
                ("resourceVersionMatch", "NotOlderThan"),
                ("timeoutSeconds", "300"),
            ),
            long=True,
        ),
    ),
    Case(
        "a new object is posted to its collection",
        requests.create_request(PODS, POD, field_manager="me", dry_run=True),
        Request(
            method="POST",
            path="/api/v1/namespaces/n/pods",
            query=(("fieldManager", "me"), ("dryRun", "All")),
            body=BODY,
        ),
    ),
    Case(
        "an update of the status goes to the subresource",
        requests.update_request(PODS, POD, field_manager="me", subresource="status"),
        Request(method="PUT", path=f"{ONE_POD}/status", query=(("fieldManager", "me"),), body=BODY),
    ),
    Case(
        "a patch carries its media type",
        requests.patch_request(
            PODS, "a", "n", {"x": None}, type=PatchType.MERGE, field_manager="me"
        ),
        Request(
            method="PATCH",
            path=ONE_POD,
            query=(("fieldManager", "me"),),
            body=b'{"x":null}',
            content_type="application/merge-patch+json",
        ),
    ),
    Case(
        "a forced apply sends JSON as YAML",
        requests.apply_request(PODS, POD, field_manager="me", force=True, dry_run=True),
        Request(
            method="PATCH",
            path=ONE_POD,
            query=(("fieldManager", "me"), ("dryRun", "All"), ("force", "true")),
            body=BODY,
            content_type="application/apply-patch+yaml",
        ),
    ),
    Case(
        "a deletion names its preconditions",
        requests.delete_request(PODS, "a", "n", uid="u", resource_version="7"),
        Request(
            method="DELETE",
            path=ONE_POD,
            body=(
                b'{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background",'
                b'"preconditions":{"uid":"u","resourceVersion":"7"}}'
            ),
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_requests(case: Case):
    assert case.made == case.expected
