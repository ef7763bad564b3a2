"""Subresources that are more than a part of their object: scale, eviction, binding, token, log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiohttp import web

from steersman.kit.clock import format_rfc3339
from steersman.objects.apistatus import ApiError, status_cause
from steersman.objects.identity import GroupKind
from steersman.objects.manifest import Manifest, metadata_of
from steersman.objects.selectors import LabelSelector
from steersman.servers.apiserver.answers import conflict, method_not_allowed, not_found
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.deletes import Deleter
from steersman.servers.apiserver.fielderrors import invalid, invalid_object
from steersman.servers.apiserver.lineage import ordered
from steersman.servers.apiserver.options import parse_delete_options
from steersman.servers.apiserver.replies import reply_text, reply_value
from steersman.servers.apiserver.rest import Call, RestApi, read_bytes
from steersman.servers.apiserver.tokens import AUDIENCE, ServiceAccountTokens

__all__ = ["Subresources"]

Special = Callable[[Call], Awaitable[web.StreamResponse]]
_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


class Subresources:
    """Serves them.

    Args:
        cluster: the store and what goes with it.
        rest: decodes bodies.
        deleter: deletes pods that are evicted.
        tokens: issues tokens.
    """

    def __init__(
        self,
        cluster: Cluster,
        rest: RestApi,
        deleter: Deleter,
        tokens: ServiceAccountTokens,
    ) -> None:
        self._cluster = cluster
        self._rest = rest
        self._deleter = deleter
        self._tokens = tokens

    def specials(self) -> dict[str, Special]:
        """Returns the handlers by ``group/plural/subresource``."""
        return {
            "/pods/binding": self._binding,
            "/bindings": self._binding,
            "/pods/eviction": self._eviction,
            "/pods/log": self._log,
            "/serviceaccounts/token": self._token,
        }

    def _pod(self, call: Call, name: str) -> Manifest:
        pod = self._cluster.get("", "pods", call.info.namespace, name)
        if pod is None:
            raise not_found("", "pods", name)
        return pod

    async def _log(self, call: Call) -> web.StreamResponse:
        """Nothing runs here, so nothing was ever written."""
        if call.info.verb != "get":
            raise method_not_allowed()
        self._pod(call, call.info.name)
        return reply_text(b"")

    async def _binding(self, call: Call) -> web.StreamResponse:
        if call.info.verb != "create":
            raise method_not_allowed()
        options = call.write_options("CreateOptions")
        body = self._rest.read_object(call, await read_bytes(call.request)).value
        name = call.info.name or str((body.get("metadata") or {}).get("name", ""))
        node = (body.get("target") or {}).get("name", "")
        pod = self._pod(call, name)
        held = (pod.get("spec") or {}).get("nodeName")
        if held:
            text = f'pod {name} is already assigned to node "{held}"'
            raise conflict("", "pods/binding", name, text)
        resource = self._cluster.resource("", "pods")
        assert resource is not None
        if not options.dry_run:
            # A binding is no update of the pod: it passes no rule and leaves no owner.
            bound = ordered(resource, _bound(pod, node, self._cluster.now))
            key = resource.key(call.info.namespace, name)
            self._cluster.store.put(resource.bucket, key, bound)
        return reply_value(_SUCCESS, status=201)

    async def _eviction(self, call: Call) -> web.StreamResponse:
        if call.info.verb != "create":
            raise method_not_allowed()
        body = self._rest.read_object(call, await read_bytes(call.request)).value
        pod = self._pod(call, call.info.name)
        self._check_budgets(pod, call.info.namespace)
        options = parse_delete_options(call.query, body.get("deleteOptions") or {})
        resource = self._cluster.resource("", "pods")
        assert resource is not None
        target = call.target()
        target = type(target)(
            resource=resource, namespace=target.namespace, name=target.name, user=call.user
        )
        self._deleter.delete(target, options)
        return reply_value(_SUCCESS, status=201)

    def _check_budgets(self, pod: Manifest, namespace: str) -> None:
        labels = metadata_of(pod).get("labels") or {}
        for budget in self._cluster.list("policy", "poddisruptionbudgets", namespace):
            selector = LabelSelector.from_object((budget.get("spec") or {}).get("selector"))
            if selector is None or not selector.matches(labels):
                continue
            status = budget.get("status") or {}
            if status.get("disruptionsAllowed", 0) > 0:
                continue
            name = metadata_of(budget)["name"]
            text = (
                f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy "
                f"pods and has {status.get('currentHealthy', 0)} currently"
            )
            raise ApiError(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
                details={"causes": [status_cause("DisruptionBudget", text)]},
            )

    async def _token(self, call: Call) -> web.StreamResponse:
        if call.info.verb != "create":
            raise method_not_allowed()
        options = call.write_options("CreateOptions")
        body = self._rest.read_object(call, await read_bytes(call.request)).value
        info = call.info
        account = self._cluster.get("", "serviceaccounts", info.namespace, info.name)
        if account is None:
            raise not_found("", "serviceaccounts", info.name)
        spec = body.get("spec") or {}
        seconds = spec.get("expirationSeconds") or 3600
        if seconds < 600:
            error = invalid(
                "spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
            )
            raise invalid_object(GroupKind("authentication.k8s.io", "TokenRequest"), "", [error])
        audiences = list(spec.get("audiences") or [AUDIENCE])
        uid = metadata_of(account)["uid"]
        token, expires = self._tokens.issue(info.namespace, info.name, uid, audiences, seconds)
        moment = format_rfc3339(datetime.fromtimestamp(expires, UTC))
        entry = {
            "manager": options.manager,
            "operation": "Update",
            "apiVersion": "authentication.k8s.io/v1",
            "time": self._cluster.now,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:expirationSeconds": {}}},
            "subresource": "token",
        }
        answer = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": info.name,
                "namespace": info.namespace,
                "uid": uid,
                "creationTimestamp": self._cluster.now,
                "managedFields": [entry],
            },
            "spec": {
                "audiences": audiences,
                "expirationSeconds": seconds,
                "boundObjectRef": spec.get("boundObjectRef"),
            },
            "status": {"token": token, "expirationTimestamp": moment},
        }
        return reply_value(answer, status=201)


def _bound(pod: Manifest, node: str, now: str) -> Manifest:
    status = dict(pod.get("status") or {})
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }
    others = [one for one in status.get("conditions") or () if one["type"] != "PodScheduled"]
    status["conditions"] = [*others, scheduled]
    return {**pod, "spec": {**(pod.get("spec") or {}), "nodeName": node}, "status": status}
