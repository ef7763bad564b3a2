"""Applying to another cluster by a kubeconfig in a Secret."""

from __future__ import annotations

import base64
from pathlib import Path

from steersman.objects.identity import GroupVersionKind
from tests.support.cluster import a_cluster, config_map
from tests.support.kustomizations import CONFIG_MAP, FLUX, World

R1, R2 = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40
SECRET = GroupVersionKind("", "v1", "Secret")
BY_SECRET = {"secretRef": {"name": "remote"}}


async def keep_kubeconfig(world: World, text: str, key: str = "value") -> None:
    data = {key: base64.b64encode(text.encode()).decode()}
    metadata = {"name": "remote", "namespace": FLUX}
    await world.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


async def test_objects_go_to_the_other_cluster(world: World, tmp_path: Path) -> None:
    async with a_cluster(name="other") as other:
        await keep_kubeconfig(world, other.server.kubeconfig())
        await world.push({"a.yaml": config_map("a", x="1")}, revision=R1)
        await world.kustomization(kubeConfig=BY_SECRET)
        await world.settled()
        assert (await world.ready())[0] == "True"
        assert await world.data("a") is None
        assert (await other.client.get(CONFIG_MAP, "a", "default"))["data"] == {"x": "1"}
        await world.push({}, revision=R2)
        await world.settled()
        assert await other.client.find(CONFIG_MAP, "a", "default") is None


async def test_a_kubeconfig_that_is_missing_or_useless_is_named(world: World) -> None:
    await world.push({"a.yaml": config_map("a")}, revision=R1)
    await world.kustomization(kubeConfig=BY_SECRET)
    await world.settled()
    assert await world.ready() == (
        "False",
        "ReconciliationFailed",
        (
            "unable to read KubeConfig secret 'flux-system/remote' error: secrets \"remote\" not"
            " found"
        ),
    )
    await keep_kubeconfig(world, "x", key="other")
    await world.wait(61)
    assert (await world.ready())[2] == (
        "KubeConfig secret 'flux-system/remote' does not contain a 'value' key with a kubeconfig"
    )
    await keep_kubeconfig(world, "users: []")
    await world.wait(61)
    assert (await world.ready())[2] == (
        "KubeConfig secret 'flux-system/remote': the kubeconfig has no current context"
    )
