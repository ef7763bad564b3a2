"""Variables in built manifests."""

from __future__ import annotations

from tests.support.cluster import config_map
from tests.support.kustomizations import FLUX, World

R1, R2 = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40


async def test_variables_come_from_objects_and_inline(world: World) -> None:
    await world.create(config_map("info", FLUX, region="eu\n", tier="gold"))
    await world.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "token", "namespace": FLUX},
            "data": {"token": "czNjcmV0"},
        }
    )
    await world.push(
        {"a.yaml": config_map("a", region="${region}", tier="${tier}", token="${token:=none}")},
        revision=R1,
    )
    await world.kustomization(
        postBuild={
            "substitute": {"tier": "silver"},
            "substituteFrom": [
                {"kind": "ConfigMap", "name": "info"},
                {"kind": "Secret", "name": "token"},
                {"kind": "ConfigMap", "name": "missing", "optional": True},
            ],
        }
    )
    await world.settled()
    assert await world.data("a") == {"region": "eu", "tier": "silver", "token": "s3cret"}


async def test_a_missing_variable_fails_the_build_and_the_next_push_heals(world: World) -> None:
    await world.push({"apps/a.yaml": config_map("a", x="${region}")}, revision=R1)
    await world.kustomization(postBuild={"substitute": {"tier": "gold"}})
    await world.settled()
    assert await world.ready() == (
        "False",
        "BuildFailed",
        (
            "post build failed for 'ConfigMap.v1.[noGrp]/a': envsubst error: variable substitution"
            ' failed: variable not set (strict mode): "region"\n'
            "from apps/a.yaml:1\n"
            "set `region` in spec.postBuild, or give a default: ${region:=value};"
            " write $${region} to keep the text"
        ),
    )
    await world.push({"apps/a.yaml": config_map("a", x="${region:=eu}")}, revision=R2)
    await world.settled()
    assert await world.data("a") == {"x": "eu"}


async def test_a_missing_source_of_variables_is_named(world: World) -> None:
    await world.push({"a.yaml": config_map("a")}, revision=R1)
    await world.kustomization(postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "info"}]})
    await world.settled()
    assert await world.ready() == (
        "False",
        "BuildFailed",
        (
            "post build failed: substitute from 'ConfigMap/info' error: configmaps \"info\" not"
            " found\ncreate the object, or set optional: true"
        ),
    )


async def test_a_watched_source_of_variables_is_used_at_once(world: World) -> None:
    info = config_map("info", FLUX, region="eu")
    info["metadata"]["labels"] = {"reconcile.fluxcd.io/watch": "Enabled"}
    await world.create(info)
    await world.push({"a.yaml": config_map("a", x="${region}")}, revision=R1)
    await world.kustomization(postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "info"}]})
    await world.settled()
    info["data"] = {"region": "us"}
    await world.create(info)
    await world.settled()
    assert await world.data("a") == {"x": "us"}
