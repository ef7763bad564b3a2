"""Random sequences of requests of every sort, each on objects of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.support.applysequences import DEFINITION, KINDS, Maker, apply_sequence
from tests.support.differential import Operation

Body = dict[str, Any]


def _config_map(chance: random.Random) -> Body:
    return {"data": {key: chance.choice("xyz") for key in chance.sample("abc", 2)}}


def _secret(chance: random.Random) -> Body:
    return {
        "type": chance.choice(["Opaque", "example.com/any"]),
        "data": {"a": "YQ=="},
        **({"stringData": {"b": chance.choice("xyz")}} if chance.random() < 0.5 else {}),
    }


def _pod(chance: random.Random) -> Body:
    container = {"name": "c", "image": f"i:{chance.choice('xyz')}"}
    return {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}


def _deployment(chance: random.Random) -> Body:
    selector = {"matchLabels": {"app": "x"}}
    spec = {"selector": selector, "template": _pod(chance), "replicas": chance.randint(0, 3)}
    return {"spec": spec}


def _daemon_set(chance: random.Random) -> Body:
    return {"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": _pod(chance)}}


def _stateful_set(chance: random.Random) -> Body:
    spec = {**_deployment(chance)["spec"], "serviceName": "s"}
    return {"spec": spec}


def _service(chance: random.Random) -> Body:
    port = {"port": chance.choice([80, 443]), "name": "p"}
    return {"spec": {"clusterIP": "None", "selector": {"app": "x"}, "ports": [port]}}


def _role(chance: random.Random) -> Body:
    verbs = chance.sample(["get", "list", "watch"], 2)
    return {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]}


def _role_binding(chance: random.Random) -> Body:
    return {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": chance.choice("xyz"), "namespace": "n"}],
    }


def _ingress(chance: random.Random) -> Body:
    backend = {"service": {"name": "s", "port": {"number": chance.choice([80, 81])}}}
    return {"spec": {"defaultBackend": backend}}


def _network_policy(chance: random.Random) -> Body:
    return {"spec": {"podSelector": {"matchLabels": {"app": chance.choice("xyz")}}}}


def _claim(chance: random.Random) -> Body:
    size = chance.choice(["1Gi", "1024Mi", "2Gi"])
    modes = ["ReadWriteOnce"]
    return {"spec": {"accessModes": modes, "resources": {"requests": {"storage": size}}}}


def _budget(chance: random.Random) -> Body:
    return {"spec": {"minAvailable": chance.choice([1, "50%"]), "selector": {}}}


def _autoscaler(chance: random.Random) -> Body:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    return {"spec": {"scaleTargetRef": target, "maxReplicas": chance.randint(2, 4)}}


def _lease(chance: random.Random) -> Body:
    return {"spec": {"holderIdentity": chance.choice("xyz"), "leaseDurationSeconds": 15}}


def _quota(chance: random.Random) -> Body:
    return {"spec": {"hard": {"count/nothing.example.com": str(chance.randint(1, 3))}}}


def _cron_job(chance: random.Random) -> Body:
    pod = _pod(chance)
    pod["spec"]["restartPolicy"] = "Never"
    job = {"spec": {"template": pod}}
    return {"spec": {"schedule": chance.choice(["* * * * *", "0 1 * * *"]), "jobTemplate": job}}


def _widget(chance: random.Random) -> Body:
    return {"spec": {"text": chance.choice("xyz"), "number": chance.randint(1, 3)}}


SORTS: dict[str, tuple[str, str, Callable[[random.Random], Body]]] = {
    "configmaps": ("v1", "ConfigMap", _config_map),
    "secrets": ("v1", "Secret", _secret),
    "serviceaccounts": ("v1", "ServiceAccount", lambda chance: {}),
    "services": ("v1", "Service", _service),
    "persistentvolumeclaims": ("v1", "PersistentVolumeClaim", _claim),
    "resourcequotas": ("v1", "ResourceQuota", _quota),
    "deployments": ("apps/v1", "Deployment", _deployment),
    "daemonsets": ("apps/v1", "DaemonSet", _daemon_set),
    "statefulsets": ("apps/v1", "StatefulSet", _stateful_set),
    "cronjobs": ("batch/v1", "CronJob", _cron_job),
    "roles": ("rbac.authorization.k8s.io/v1", "Role", _role),
    "rolebindings": ("rbac.authorization.k8s.io/v1", "RoleBinding", _role_binding),
    "ingresses": ("networking.k8s.io/v1", "Ingress", _ingress),
    "networkpolicies": ("networking.k8s.io/v1", "NetworkPolicy", _network_policy),
    "poddisruptionbudgets": ("policy/v1", "PodDisruptionBudget", _budget),
    "horizontalpodautoscalers": ("autoscaling/v2", "HorizontalPodAutoscaler", _autoscaler),
    "leases": ("coordination.k8s.io/v1", "Lease", _lease),
    "widgets": ("fuzz.example.com/v1", "Widget", _widget),
}


class Builder:
    """Makes the operations of one sequence."""

    def __init__(self, seed: int, namespace: str) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.sort = self.chance.choice(list(SORTS))
        self.api_version, self.kind, self._make = SORTS[self.sort]
        prefix = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        self.path = f"{prefix}/namespaces/{namespace}/{self.sort}"
        self.names = [f"s{seed}{suffix}" for suffix in "ab"]

    def name(self) -> str:
        return self.chance.choice(self.names)

    def body(self, name: str, **metadata: Any) -> Body:
        made = self._make(self.chance)
        labels = {"seq": f"s{self.seed}", "tier": self.chance.choice(["one", "two"])}
        meta = {"name": name, "labels": labels, **metadata}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": meta, **made}

    def query(self) -> str:
        parts = self.chance.choice(
            [
                [],
                [],
                ["fieldManager=m1"],
                ["dryRun=All"],
                ["fieldValidation=Strict"],
                ["fieldValidation=Ignore"],
                ["fieldManager=m2", "fieldValidation=Warn"],
                ["fieldValidation=Perhaps"],
                ["dryRun=Some"],
            ]
        )
        return "?" + "&".join(parts) if parts else ""

    # steps

    def create(self) -> Operation:
        return Operation("POST", self.path + self.query(), self.odd(self.body(self.name())))

    def odd(self, body: Body) -> Body:
        """Breaks a body now and then."""
        if self.chance.random() > 0.2:
            return body
        match self.chance.randint(0, 9):
            case 0:
                body["surprise"] = {"a": 1}
            case 1:
                body["metadata"]["name"] = "Not A Name"
            case 2:
                body["kind"] = "Pod"
            case 3:
                body["metadata"]["labels"]["-bad-"] = "x y"
            case 4:
                body["metadata"]["namespace"] = "another"
            case 5:
                body["metadata"]["resourceVersion"] = "1"
            case 6:
                body["metadata"]["generateName"] = body["metadata"].pop("name") + "-"
                body["metadata"]["name"] = self.name()
            case 7:
                body["metadata"]["annotations"] = {"UPPER/x y": "1"}
            case 8:
                body["metadata"]["finalizers"] = ["example.com/hold"]
            case _:
                body["metadata"]["surprise"] = True
        return body

    def get(self) -> Operation:
        return Operation("GET", f"{self.path}/{self.name()}")

    def list(self) -> Operation:
        selector = self.chance.choice(
            [
                f"?labelSelector=seq%3Ds{self.seed}",
                f"?labelSelector=seq%3Ds{self.seed},tier%20in%20(one,three)",
                f"?labelSelector=seq%3Ds{self.seed},!tier",
                f"?fieldSelector=metadata.name%3D{self.names[0]}",
                f"?fieldSelector=metadata.name!%3D{self.names[0]}&labelSelector=seq%3Ds{self.seed}",
                "?labelSelector=a%20b%20c",
                "?fieldSelector=spec.nothing%3Dx",
                f"?labelSelector=seq%3Ds{self.seed}&limit=1",
                f"?labelSelector=seq%3Ds{self.seed}&resourceVersion=0",
                f"?labelSelector=seq%3Ds{self.seed}&resourceVersionMatch=Exact",
            ]
        )
        return Operation("GET", self.path + selector)

    def table(self) -> Operation:
        return Operation("TABLE", f"{self.path}?labelSelector=seq%3Ds{self.seed}")

    def put(self) -> Operation:
        name = self.name()
        return Operation("PUT", f"{self.path}/{name}{self.query()}", self.odd(self.body(name)))

    def put_current(self) -> Operation:
        """Gets an object and puts it back, changed: what a controller does."""
        name = self.name()
        label = self.chance.choice("xyz")
        return Operation("CHANGE", f"{self.path}/{name}{self.query()}", {"label": label})

    def merge(self) -> Operation:
        patch = self.chance.choice(
            [
                {"metadata": {"labels": {"extra": self.chance.choice("xyz")}}},
                {"metadata": {"labels": {"tier": None}}},
                {"metadata": {"annotations": {"note": self.chance.choice("xyz")}}},
                {"metadata": {"annotations": None, "labels": {"tier": "two"}}},
                self._make(self.chance),
                {"metadata": {"finalizers": ["example.com/hold"]}},
                {"metadata": {"finalizers": None}},
                {"metadata": {"name": "other"}},
                {"metadata": {"resourceVersion": "1"}},
                {"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}},
                {"surprise": 1},
                {"metadata": "text"},
            ]
        )
        return Operation("PATCH", f"{self.path}/{self.name()}{self.query()}", patch, "merge")

    def strategic(self) -> Operation:
        operation = self.merge()
        return operation._replace(media="strategic")

    def json_patch(self) -> Operation:
        patch = self.chance.choice(
            [
                [{"op": "add", "path": "/metadata/labels/extra", "value": "x"}],
                [{"op": "remove", "path": "/metadata/labels/extra"}],
                [{"op": "replace", "path": "/metadata/labels/tier", "value": "two"}],
                [{"op": "test", "path": "/metadata/labels/tier", "value": "one"}],
                [
                    {"op": "copy", "from": "/metadata/labels/seq", "path": "/metadata/labels/copy"},
                    {"op": "move", "from": "/metadata/labels/copy", "path": "/metadata/labels/m"},
                ],
                [{"op": "jump", "path": "/metadata"}],
                [{"op": "add", "path": "/metadata/labels", "value": 7}],
            ]
        )
        return Operation("PATCH", f"{self.path}/{self.name()}{self.query()}", patch, "json")

    def apply(self) -> Operation:
        name = self.name()
        manager = self.chance.choice(["m1", "m2", "kubectl"])
        query = f"?fieldManager={manager}" + ("&force=true" if self.chance.random() < 0.4 else "")
        return Operation("PATCH", f"{self.path}/{name}{query}", self.body(name), "apply")

    def status(self) -> Operation:
        patch = {"metadata": {"labels": {"s": "1"}}, "status": {"observedGeneration": 1}}
        return Operation("PATCH", f"{self.path}/{self.name()}/status", patch, "merge")

    def scale(self) -> Operation:
        name = self.name()
        if self.chance.random() < 0.5:
            return Operation("GET", f"{self.path}/{name}/scale")
        patch = {"spec": {"replicas": self.chance.choice([-1, 1, 4])}}
        return Operation("PATCH", f"{self.path}/{name}/scale?fieldManager=sc", patch, "merge")

    def delete(self) -> Operation:
        options = self.chance.choice(
            [
                None,
                {"propagationPolicy": "Background"},
                {"propagationPolicy": "Sideways"},
                {"preconditions": {"resourceVersion": "1"}},
                {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}},
                {"dryRun": ["All"]},
                {"gracePeriodSeconds": 0},
            ]
        )
        return Operation("DELETE", f"{self.path}/{self.name()}", options)

    def delete_all(self) -> Operation:
        return Operation("DELETE", f"{self.path}?labelSelector=seq%3Ds{self.seed}")

    def strange(self) -> Operation:
        name = self.name()
        return self.chance.choice(
            [
                Operation("POST", self.path, "{", "application/json"),
                Operation("POST", self.path, "a: [", "application/yaml"),
                Operation("POST", self.path, "[]", "application/json"),
                Operation("POST", self.path, "{}", "text/plain"),
                Operation("PATCH", f"{self.path}/{name}", "{}", "application/json"),
                Operation("GET", f"{self.path}/{name}/nothing"),
                Operation("GET", f"{self.path}?limit=x"),
                Operation("PUT", self.path, self.body(name)),
                Operation("GET", f"{self.path}?resourceVersion=abc"),
                Operation("POST", f"{self.path}/{name}", self.body(name)),
            ]
        )

    def watch(self) -> Operation:
        selector = self.chance.choice(["", ",tier%3Done"])
        return Operation("WATCH", f"{self.path}?labelSelector=seq%3Ds{self.seed}{selector}")


FLAVOURS: dict[str, dict[str, int]] = {
    "crud": {"create": 4, "get": 2, "put": 3, "put_current": 2, "delete": 2, "list": 1},
    "patch": {"create": 2, "merge": 4, "strategic": 3, "json_patch": 3, "get": 1},
    "apply": {"apply": 5, "merge": 1, "put_current": 1, "delete": 1, "create": 1},
    "lists": {"create": 4, "list": 5, "merge": 2, "table": 1, "delete_all": 1},
    "parts": {"create": 3, "status": 2, "scale": 3, "apply": 1, "get": 1},
    "ends": {"create": 4, "delete": 4, "merge": 3, "delete_all": 1, "get": 1},
    "errors": {"strange": 4, "create": 3, "delete": 1, "merge": 1},
    "watches": {"create": 3, "merge": 3, "delete": 2, "apply": 1},
}


def sequence(seed: int, namespace: str, length: int = 9) -> list[Operation]:
    """Returns one sequence; the seed says everything about it."""
    chance = random.Random(seed * 7919 + 1)
    if chance.random() < 0.06:
        return definition_sequence(seed, namespace)
    if chance.random() < 0.1:
        return apply_sequence(seed, namespace, chance.choice(list(KINDS)), length)
    builder = Builder(seed, namespace)
    flavour = chance.choice(list(FLAVOURS))
    weights = FLAVOURS[flavour]
    steps = chance.choices(list(weights), list(weights.values()), k=length)
    operations = [builder.create(), *(getattr(builder, step)() for step in steps)]
    if flavour == "watches":
        return [builder.watch(), *operations, Operation("EVENTS", builder.path)]
    return operations


def definition_sequence(seed: int, namespace: str) -> list[Operation]:
    """Returns the life of a custom resource definition."""
    maker = Maker(seed)
    chance = maker.chance
    group = f"g{seed}.example.com"
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    definition = {
        **DEFINITION,
        "metadata": {"name": f"widgets.{group}"},
        "spec": {**DEFINITION["spec"], "group": group},
    }
    objects = f"/apis/{group}/v1/namespaces/{namespace}/widgets"

    def widget() -> Body:
        body = maker.widget(f"w{seed}", 0.5)
        body["apiVersion"] = f"{group}/v1"
        return body

    broken = chance.choice(
        [
            {"spec": {"scope": "Sideways"}},
            {"spec": {"group": "other.example.com"}},
            {"spec": {"names": {"plural": "gadgets"}}},
            {"spec": {"versions": []}},
            {"metadata": {"labels": {"x": "y"}}},
        ]
    )
    return [
        Operation("POST", crds, definition),
        Operation("UNTIL", objects),
        Operation("POST", objects + "?fieldManager=m", widget()),
        Operation("PATCH", f"{objects}/w{seed}?fieldManager=a&force=true", widget(), "apply"),
        Operation("GET", objects),
        Operation("PATCH", f"{crds}/widgets.{group}", broken, "merge"),
        Operation("POST", crds, definition),
        Operation("GET", f"{crds}/widgets.{group}"),
        Operation("DELETE", f"{objects}/w{seed}"),
    ]
