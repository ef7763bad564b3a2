from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.clients.kube.discovery import parse_resource_list
from steersman.clients.kube.request import Request
from steersman.clients.kube.response import (
    LineSplitter,
    ObjectList,
    Response,
    WatchEvent,
    WatchType,
    ends_initial_events,
    read_error,
    read_list,
    read_object,
    read_watch_line,
)
from steersman.errors import NetworkFailed
from steersman.objects.apistatus import ApiError
from steersman.schemas.catalogue import ResourceInfo, SubresourceInfo

REQUEST = Request(method="GET", path="/api/v1/pods")
PODS = ResourceInfo("", "v1", "Pod", "pods", "pod", True, ("get",))


def answer(status: int, body: object, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


def test_a_status_is_read_as_the_server_meant_it():
    status = ApiError(409, "AlreadyExists", "pods x", details={"name": "x"}).to_status()
    error = read_error(REQUEST, answer(409, status))
    assert error.to_status() == status


def test_retry_after_of_the_header_wins_over_the_details():
    status = ApiError(429, "TooManyRequests", "", details={"retryAfterSeconds": 9}).to_status()
    assert read_error(REQUEST, answer(429, status)).retry_after == 9
    assert read_error(REQUEST, answer(429, status, retry_after="2")).retry_after == 2


def test_a_page_of_a_proxy_becomes_a_bounded_message():
    error = read_error(REQUEST, answer(502, b"<html>" + b"x" * 10_000))
    assert (error.code, error.status_reason) == (502, "")
    assert error.message == "GET /api/v1/pods: HTTP 502: <html>" + "x" * 194


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_an_answer_that_is_no_object_is_a_failure_of_the_network(body: bytes):
    with pytest.raises(NetworkFailed):
        read_object(REQUEST, answer(200, body))


def test_items_of_a_list_get_the_type_they_lack():
    page = {
        "kind": "PodList",
        "metadata": {"resourceVersion": "7", "continue": "T"},
        "items": [{"metadata": {"name": "a"}}, {"kind": "Pod", "apiVersion": "v1"}],
    }
    assert read_list(REQUEST, answer(200, page), PODS) == ObjectList(
        (
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}},
            {"kind": "Pod", "apiVersion": "v1"},
        ),
        "7",
        "T",
    )


def test_an_empty_list_may_be_null():
    assert read_list(REQUEST, answer(200, {"items": None}), PODS).items == ()


def test_metadata_only_objects_get_their_real_type():
    partial = {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"name": "a"},
    }
    line = json.dumps({"type": "ADDED", "object": partial}).encode()
    event = read_watch_line(REQUEST, line, PODS)
    assert event.object == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


def test_an_error_in_a_watch_is_raised_with_its_code():
    status = ApiError(410, "Expired", "too old").to_status()
    line = json.dumps({"type": "ERROR", "object": status}).encode()
    with pytest.raises(ApiError) as raised:
        read_watch_line(REQUEST, line, PODS)
    assert raised.value.to_status() == status


def test_an_unknown_kind_of_event_is_refused():
    with pytest.raises(NetworkFailed, match="unknown event `RENAMED`"):
        read_watch_line(REQUEST, b'{"type":"RENAMED","object":{}}', PODS)


@pytest.mark.parametrize(
    ("type", "annotations", "ends"),
    [
        (WatchType.BOOKMARK, {"k8s.io/initial-events-end": "true"}, True),
        (WatchType.BOOKMARK, {}, False),
        (WatchType.ADDED, {"k8s.io/initial-events-end": "true"}, False),
    ],
)
def test_only_an_annotated_bookmark_ends_the_initial_events(type, annotations, ends):
    event = WatchEvent(type, {"metadata": {"annotations": annotations}})
    assert ends_initial_events(event) is ends


@given(st.lists(st.binary(max_size=20)), st.integers(1, 7))
def test_lines_do_not_depend_on_how_the_stream_is_cut(parts: list[bytes], step: int):
    stream = b"\n".join(parts) + b"\n"
    splitter = LineSplitter()
    lines = [
        line
        for start in range(0, len(stream), step)
        for line in splitter.feed(stream[start : start + step])
    ]
    assert lines == [line for line in stream.split(b"\n") if line]


def test_subresources_are_folded_into_their_resource():
    document = {
        "groupVersion": "apps/v1",
        "resources": [
            {
                "name": "deployments",
                "singularName": "deployment",
                "namespaced": True,
                "kind": "Deployment",
                "verbs": ["get", "list"],
                "shortNames": ["deploy"],
                "categories": ["all"],
            },
            {
                "name": "deployments/scale",
                "group": "autoscaling",
                "version": "v1",
                "kind": "Scale",
                "verbs": ["patch"],
            },
        ],
    }
    assert parse_resource_list(document) == (
        ResourceInfo(
            "apps",
            "v1",
            "Deployment",
            "deployments",
            "deployment",
            True,
            ("get", "list"),
            ("deploy",),
            ("all",),
            (SubresourceInfo("scale", "autoscaling", "v1", "Scale", ("patch",)),),
        ),
    )
