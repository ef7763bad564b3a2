"""Random applies and updates of a few objects by several managers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.support.differential import Operation

APPLIERS = ("a1", "a2", "kubectl")
UPDATERS = ("u1", "u2", "a1")
LIST_TYPES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "number": {"type": "integer"},
                "defaulted": {"type": "string", "default": "d"},
                "anything": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                },
                "open": {"type": "object", "additionalProperties": {"type": "string"}},
                "whole": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "x-kubernetes-map-type": "atomic",
                },
                "tags": {
                    "type": "array",
                    "items": {"type": "string"},
                    "x-kubernetes-list-type": "set",
                },
                "plain": {"type": "array", "items": {"type": "integer"}},
                "items": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string"},
                            "value": {"type": "integer"},
                            "sub": {
                                "type": "object",
                                "properties": {
                                    "x": {"type": "string"},
                                    "y": {"type": "string"},
                                },
                            },
                        },
                    },
                },
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port", "protocol"],
                    "items": {
                        "type": "object",
                        "required": ["port"],
                        "properties": {
                            "port": {"type": "integer"},
                            "protocol": {"type": "string", "default": "TCP"},
                            "label": {"type": "string"},
                        },
                    },
                },
            },
        },
        "status": {
            "type": "object",
            "properties": {"phase": {"type": "string"}, "count": {"type": "integer"}},
        },
    },
}
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.fuzz.example.com"},
    "spec": {
        "group": "fuzz.example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": version,
                "served": True,
                "storage": version == "v1",
                "schema": {"openAPIV3Schema": LIST_TYPES},
                "subresources": {"status": {}},
            }
            for version in ("v1", "v2")
        ],
    },
}


class Maker:
    """Makes values and operations from one source of chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def some(self, choices: dict[str, Callable[[], Any]], share: float) -> dict[str, Any]:
        """Returns each key with a given probability."""
        picked = [key for key in choices if self.chance.random() < share]
        self.chance.shuffle(picked)
        return {key: choices[key]() for key in picked}

    def word(self) -> str:
        return self.chance.choice("xyz")

    def labels(self) -> Any:
        return self.maybe_empty(self.some(dict.fromkeys(("l1", "l2"), self.word), 0.6))

    def maybe_empty(self, value: Any) -> Any:
        """Returns now and then nothing instead."""
        return self.chance.choice([{}, None]) if self.chance.random() < 0.08 else value

    def metadata(self, name: str, share: float) -> dict[str, Any]:
        choices = {
            "labels": self.labels,
            "annotations": self.labels,
            "finalizers": lambda: self.chance.sample(["a.io/x", "b.io/y", "c.io/z"], 2),
        }
        found = self.some(choices, share)
        if self.chance.random() < 0.9:
            found.pop("finalizers", None)
        return {"name": name, **found}

    def full_metadata(self, name: str) -> dict[str, Any]:
        """Returns metadata without empty maps.

        A custom object that was applied with one is written once more by the real server at the
        next patch that changes nothing: it stored the empty map, which it does not show.
        """
        choices = dict.fromkeys(("labels", "annotations"), self.labels_without_null)
        return {"name": name, **{k: v for k, v in self.some(choices, 0.2).items() if v}}

    # kinds

    def config_map(self, name: str, share: float) -> dict[str, Any]:
        def data() -> Any:
            return self.maybe_empty(self.some(dict.fromkeys("abcd", self.word), 0.5))

        body = self.some(
            {"data": data, "immutable": lambda: False, "binaryData": lambda: {"bin": "YQ=="}}, share
        )
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": self.metadata(name, 0.3),
            **body,
        }

    def widget(self, name: str, share: float) -> dict[str, Any]:
        chance = self.chance

        def item() -> dict[str, Any]:
            sub = lambda: self.some({"x": self.word, "y": self.word}, 0.6)  # noqa: E731
            return self.some({"value": lambda: chance.randint(1, 3), "sub": sub}, 0.6)

        def items() -> Any:
            names = chance.sample("pqrs", chance.randint(0, 3))
            return [{"name": one, **item()} for one in names]

        def ports() -> Any:
            keys = chance.sample([(80, ""), (80, "UDP"), (81, ""), (81, "TCP")], 2)
            return [
                {"port": port, **({"protocol": protocol} if protocol else {}), **label}
                for (port, protocol), label in zip(
                    keys, (self.some({"label": self.word}, 0.5) for _ in keys), strict=True
                )
            ]

        def anything() -> Any:
            return self.some(
                {
                    "deep": lambda: self.some({"x": self.word, "y": lambda: [1, 2]}, 0.6),
                    "list": lambda: chance.choice([[], [1], ["a", {"b": 1}]]),
                    "scalar": lambda: chance.choice([1, "s", True, {"now": "a map"}]),
                },
                0.6,
            )

        spec = self.some(
            {
                "text": self.word,
                "number": lambda: chance.randint(1, 3),
                "defaulted": self.word,
                "anything": anything,
                "open": self.labels_without_null,
                "whole": self.labels_without_null,
                "tags": lambda: chance.sample("tuvw", chance.randint(0, 3)),
                "plain": lambda: [chance.randint(1, 2) for _ in range(chance.randint(0, 2))],
                "items": items,
                "ports": ports,
            },
            share,
        )
        version = "v2" if chance.random() < 0.15 else "v1"
        return {
            "apiVersion": f"fuzz.example.com/{version}",
            "kind": "Widget",
            "metadata": self.full_metadata(name),
            **({"spec": spec} if chance.random() < 0.9 else {}),
        }

    def labels_without_null(self) -> Any:
        return self.some(dict.fromkeys(("l1", "l2"), self.word), 0.6)

    def service(self, name: str, share: float) -> dict[str, Any]:
        def ports() -> Any:
            keys = self.chance.sample([(80, "TCP"), (80, "UDP"), (443, "TCP")], 2)
            return [
                {"name": f"p{index}{self.word()}", "port": port, "protocol": protocol}
                for index, (port, protocol) in enumerate(keys)
            ]

        spec = self.some(
            {"sessionAffinity": lambda: "None", "publishNotReadyAddresses": lambda: False}, share
        )
        # Without a selector a headless service may claim two families, and no update of it is
        # accepted any more where the cluster has one.
        spec |= {"ports": ports(), "clusterIP": "None", "selector": {"app": self.word()}}
        meta = self.metadata(name, 0.3)
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}

    def deployment(self, name: str, share: float) -> dict[str, Any]:
        chance = self.chance

        def env() -> Any:
            names = chance.sample(["E1", "E2", "E3"], chance.randint(0, 3))
            return [{"name": one, "value": self.word()} for one in names]

        def ports(base: int) -> Any:
            keys = chance.sample([(0, ""), (0, "UDP"), (1, "TCP")], chance.randint(0, 2))
            return [
                {"containerPort": base + port, **({"protocol": protocol} if protocol else {})}
                for port, protocol in keys
            ]

        def container(one: str) -> dict[str, Any]:
            # The same port in two containers would be warned about.
            base = {"main": 80, "side": 90, "other": 100}[one]
            fields = {
                "env": env,
                "ports": lambda: ports(base),
                "args": lambda: [self.word()],
                "resources": lambda: {"requests": {"cpu": chance.choice(["1", "1000m", "0.5"])}},
                "imagePullPolicy": lambda: chance.choice(["Always", "Never"]),
            }
            return {"name": one, "image": f"i:{self.word()}", **self.some(fields, share)}

        names = ["main", *chance.sample(["side", "other"], chance.randint(0, 2))]
        pod: dict[str, Any] = {"containers": [container(one) for one in names]}
        pod |= self.some(
            {
                "nodeSelector": self.labels_without_null,
                "volumes": lambda: [{"name": "v", "emptyDir": {}}],
                "hostNetwork": lambda: False,
            },
            0.3,
        )
        template = {"metadata": {"labels": {"app": "x"}}, "spec": pod}
        spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
        spec |= self.some(
            {
                "replicas": lambda: chance.randint(1, 3),
                "paused": lambda: chance.choice([True, False]),
                "minReadySeconds": lambda: chance.randint(0, 2),
            },
            share,
        )
        meta = self.metadata(name, 0.3)
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


KINDS: dict[str, tuple[str, Callable[[Maker, str, float], dict[str, Any]]]] = {
    "configmaps": ("/api/v1/namespaces/{ns}/configmaps", Maker.config_map),
    "widgets": ("/apis/fuzz.example.com/{version}/namespaces/{ns}/widgets", Maker.widget),
    "services": ("/api/v1/namespaces/{ns}/services", Maker.service),
    "deployments": ("/apis/apps/v1/namespaces/{ns}/deployments", Maker.deployment),
}


def apply_sequence(seed: int, namespace: str, kind: str, length: int) -> list[Operation]:
    """Returns operations on one object; most are applies."""
    maker = Maker(seed)
    chance = maker.chance
    template, make = KINDS[kind]
    name = f"f{seed}"
    operations: list[Operation] = []
    if chance.random() < 0.3:
        base = template.format(ns=namespace, version="v1")
        body = make(maker, name, 0.6)
        body["apiVersion"] = body["apiVersion"].replace(
            "fuzz.example.com/v2", "fuzz.example.com/v1"
        )
        operations.append(Operation("POST", f"{base}?fieldManager={chance.choice(UPDATERS)}", body))
    while len(operations) < length:
        operations.append(_operation(maker, kind, name, namespace))
    return operations


def _operation(maker: Maker, kind: str, name: str, namespace: str) -> Operation:
    chance = maker.chance
    template, make = KINDS[kind]
    share = chance.choice([0.3, 0.5, 0.8])
    body = make(maker, name, share)
    version = body["apiVersion"].rpartition("/")[2]
    path = template.format(ns=namespace, version=version) + f"/{name}"
    roll = chance.random()
    if roll < 0.68:
        force = "&force=true" if chance.random() < 0.4 else ""
        applier = chance.choice(APPLIERS)
        return Operation("PATCH", f"{path}?fieldManager={applier}{force}", body, "apply")
    updater = f"?fieldManager={chance.choice(UPDATERS)}"
    if roll < 0.84:
        metadata = {key: value for key, value in body["metadata"].items() if key != "name"}
        patch = {key: value for key, value in body.items() if key not in ("apiVersion", "kind")}
        patch["metadata"] = metadata
        media = "merge"
        if kind != "widgets" and chance.random() < 0.4:
            media = "strategic"
        return Operation("PATCH", path + updater, patch, media)
    if roll < 0.88:
        return Operation("PATCH", path + updater, {"metadata": {"managedFields": [{}]}}, "merge")
    if roll < 0.93 and kind in ("widgets", "deployments"):
        return _status(maker, kind, path, body)
    if roll < 0.95:
        return Operation("DELETE", path)
    return Operation("PUT", path + updater, body)


def _status(maker: Maker, kind: str, path: str, body: dict[str, Any]) -> Operation:
    chance = maker.chance
    config = {key: body[key] for key in ("apiVersion", "kind")}
    config["metadata"] = {"name": body["metadata"]["name"]}
    if kind == "widgets":
        config["status"] = maker.some(
            {"phase": maker.word, "count": lambda: chance.randint(1, 3)}, 0.7
        )
    else:
        config["status"] = {"observedGeneration": chance.randint(1, 3)}
    query = f"?fieldManager={chance.choice(APPLIERS)}&force=true"
    return Operation("PATCH", f"{path}/status{query}", config, "apply")
