"""Resources that are questions: access reviews, token reviews, who am I."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.answers import bad_request, method_not_allowed
from steersman.servers.apiserver.authn import Authenticator, User
from steersman.servers.apiserver.bodychecks import check_kind, judge
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.rbac import Rbac
from steersman.servers.apiserver.replies import reply
from steersman.servers.apiserver.requests import RequestInfo
from steersman.servers.apiserver.rest import Call, RestApi, read_bytes
from steersman.servers.apiserver.tokens import AUDIENCE
from steersman.servers.apiserver.tracking import Tracking

__all__ = ["Reviews"]

Special = Callable[[Call], Awaitable[web.StreamResponse]]
_AUTHORIZATION, _AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"


class Reviews:
    """Answers reviews; nothing is stored.

    Args:
        cluster: the time.
        rest: decodes bodies and writes answers.
        tracking: keeps managed fields, which reviews have as well.
        rbac: knows who may do what.
        authenticator: judges tokens.
    """

    def __init__(
        self,
        cluster: Cluster,
        rest: RestApi,
        tracking: Tracking,
        rbac: Rbac,
        authenticator: Authenticator,
    ) -> None:
        self._cluster = cluster
        self._rest = rest
        self._tracking = tracking
        self._rbac = rbac
        self._authenticator = authenticator

    def specials(self) -> dict[str, Special]:
        """Returns the handlers by ``group/plural``."""
        answers: Mapping[str, Callable[[Manifest, User, str], Manifest]] = {
            f"{_AUTHORIZATION}/selfsubjectaccessreviews": self._self_access,
            f"{_AUTHORIZATION}/subjectaccessreviews": self._access,
            f"{_AUTHORIZATION}/localsubjectaccessreviews": self._access,
            f"{_AUTHORIZATION}/selfsubjectrulesreviews": self._rules,
            f"{_AUTHENTICATION}/selfsubjectreviews": self._self,
            f"{_AUTHENTICATION}/tokenreviews": self._token,
        }
        return {key: self._handler(answer) for key, answer in answers.items()}

    def _handler(self, answer: Callable[[Manifest, User, str], Manifest]) -> Special:
        async def handle(call: Call) -> web.StreamResponse:
            if call.info.verb != "create" or call.info.name:
                raise method_not_allowed()
            encoder = call.encoder(self._cluster.now)
            options = call.write_options("CreateOptions")
            body = self._rest.read_object(call, await read_bytes(call.request))
            check_kind(self._cluster.table, call.resource, body.value)
            decoded = call.resource.strategy.decode(body.value)
            problems = (*decoded.problems, *body.duplicates)
            warnings = judge(call.resource, problems, options)
            obj = self._tracking.of(call.resource, "").update(
                None, decoded.obj, manager=options.manager, now=self._cluster.now
            )
            result = answer(obj, call.user, call.info.namespace)
            return reply(
                encoder.manifest(result),
                status=201,
                media_type=encoder.media_type,
                warnings=warnings,
            )

        return handle

    # authorization

    def _self_access(self, obj: Manifest, user: User, namespace: str) -> Manifest:
        return {**obj, "status": self._judge(obj.get("spec") or {}, user, namespace)}

    def _access(self, obj: Manifest, user: User, namespace: str) -> Manifest:
        spec = obj.get("spec") or {}
        subject = User(
            name=spec.get("user", ""),
            uid=spec.get("uid", ""),
            groups=tuple(spec.get("groups") or ()),
        )
        return {**obj, "status": self._judge(spec, subject, namespace)}

    def _judge(self, spec: Mapping[str, Any], user: User, namespace: str) -> dict[str, Any]:
        resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if bool(resource) == bool(other):
            raise bad_request(
                "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            )
        if resource:
            info = RequestInfo(
                verb=resource.get("verb", ""),
                path="",
                is_resource=True,
                group=resource.get("group", ""),
                version=resource.get("version", ""),
                plural=resource.get("resource", ""),
                namespace=resource.get("namespace", "") or namespace,
                name=resource.get("name", ""),
                subresource=resource.get("subresource", ""),
            )
        else:
            assert other is not None
            info = RequestInfo(verb=other.get("verb", ""), path=other.get("path", ""))
        decision = self._rbac.decide(user, info)
        status: dict[str, Any] = {"allowed": decision.allowed}
        if decision.reason:
            status["reason"] = decision.reason
        return status

    def _rules(self, obj: Manifest, user: User, namespace: str) -> Manifest:
        wanted = (obj.get("spec") or {}).get("namespace", "")
        if not wanted:
            raise bad_request("no namespace on request")
        resources: list[Mapping[str, Any]] = []
        urls: list[Mapping[str, Any]] = []
        if user.is_master:
            resources.append({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
            urls.append({"verbs": ["*"], "nonResourceURLs": ["*"]})
        for grant in self._rbac.grants(user, wanted):
            rule = grant.rule
            target = urls if rule.get("nonResourceURLs") else resources
            target.append({part: rule[part] for part in _RULE_ORDER if rule.get(part)})
        return {
            **obj,
            "metadata": {},
            "spec": {},
            "status": {
                "resourceRules": resources,
                "nonResourceRules": urls,
                "incomplete": False,
            },
        }

    # authentication

    def _self(self, obj: Manifest, user: User, namespace: str) -> Manifest:
        metadata = {"creationTimestamp": self._cluster.now}
        return {**obj, "metadata": metadata, "status": {"userInfo": _user_info(user)}}

    def _token(self, obj: Manifest, user: User, namespace: str) -> Manifest:
        spec = obj.get("spec") or {}
        found = self._authenticator.of_token(spec.get("token", ""))
        audiences = spec.get("audiences") or [AUDIENCE]
        if found is None:
            status: dict[str, Any] = {"user": {}, "error": "invalid bearer token"}
        else:
            status = {
                "authenticated": True,
                "user": _user_info(found),
                "audiences": [one for one in audiences if one == AUDIENCE],
            }
        return {**obj, "status": status}


_RULE_ORDER = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")


def _user_info(user: User) -> dict[str, Any]:
    info: dict[str, Any] = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info
