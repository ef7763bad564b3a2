"""Workloads come up, roll, fail and finish on pretend nodes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from steersman.kit.clock import VirtualClock
from steersman.kit.virtualloop import run_virtual
from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.controllers.system import System
from steersman.servers.apiserver.server import ApiServer
from steersman.servers.nodes.pretend import PretendNodes
from steersman.servers.nodes.settings import NodeSettings


class World:
    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.system = System(server.cluster, server.writer, server.deleter)

    def create(self, group: str, plural: str, name: str, **parts: Any) -> None:
        metadata = {"name": name, **parts.pop("metadata", {"namespace": "default"})}
        assert self.system.create(group, plural, {"metadata": metadata, **parts})

    def get(self, group: str, plural: str, name: str) -> Manifest:
        found = self.server.cluster.get(group, plural, "default", name)
        assert found is not None
        return found

    def names(self, group: str, plural: str) -> list[str]:
        return [one["metadata"]["name"] for one in self.server.cluster.list(group, plural)]

    def change(self, group: str, plural: str, name: str, **spec: Any) -> None:
        resource = self.server.cluster.resource(group, plural)
        assert resource is not None
        self.system.change(
            resource,
            self.get(group, plural, name),
            lambda now: {**now, "spec": {**now["spec"], **spec}},
        )


def play(story: Callable[[World], Awaitable[None]], settings: NodeSettings | None = None) -> None:
    async def main() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        async with ApiServer(clock=clock, seed=1) as server, PretendNodes(server, settings):
            await asyncio.sleep(0.1)
            await story(World(server))

    run_virtual(main)


def template(image: str = "nginx:1", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "a", "image": image}]
    return {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": containers, **spec}}


SELECTOR = {"matchLabels": {"app": "x"}}


def conditions(obj: Manifest) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["reason"]) for one in obj["status"]["conditions"]}


def test_a_deployment_becomes_available_after_the_delay() -> None:
    async def story(world: World) -> None:
        world.create("apps", "deployments", "web", spec=_deployment(replicas=2))
        await asyncio.sleep(0.5)
        before = world.get("apps", "deployments", "web")
        assert conditions(before)["Available"] == ("False", "MinimumReplicasUnavailable")
        await asyncio.sleep(2)
        after = world.get("apps", "deployments", "web")
        assert {**after["status"], "conditions": None} == {
            "observedGeneration": 1,
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
            "conditions": None,
        }
        assert conditions(after) == {
            "Progressing": ("True", "NewReplicaSetAvailable"),
            "Available": ("True", "MinimumReplicasAvailable"),
        }
        assert after["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}

    play(story)


def _deployment(image: str = "nginx:1", **more: Any) -> dict[str, Any]:
    return {"selector": SELECTOR, "template": template(image), **more}


def test_a_rollout_keeps_enough_pods_available_all_the_time() -> None:
    async def story(world: World) -> None:
        world.create("apps", "deployments", "web", spec=_deployment(replicas=4))
        await asyncio.sleep(3)
        world.change("apps", "deployments", "web", template=template("nginx:2"))
        least = 4
        for _ in range(20):
            await asyncio.sleep(0.25)
            status = world.get("apps", "deployments", "web")["status"]
            least = min(least, status.get("availableReplicas", 0))
        assert least == 3
        assert len(world.names("apps", "replicasets")) == 2
        done = world.get("apps", "deployments", "web")
        assert done["status"]["updatedReplicas"] == done["status"]["replicas"] == 4
        assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"

    play(story)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        pytest.param("nginx:broken", "ImagePullBackOff", id="an image that is not there"),
        pytest.param("nginx:crashing", "CrashLoopBackOff", id="a program that crashes"),
    ],
)
def test_a_broken_image_lets_the_rollout_run_out_of_time(image: str, reason: str) -> None:
    async def story(world: World) -> None:
        spec = _deployment(image, progressDeadlineSeconds=60)
        world.create("apps", "deployments", "web", spec=spec)
        await asyncio.sleep(90)
        owner = world.get("apps", "deployments", "web")
        assert conditions(owner) == {
            "Progressing": ("False", "ProgressDeadlineExceeded"),
            "Available": ("False", "MinimumReplicasUnavailable"),
        }
        (pod,) = world.server.cluster.list("", "pods")
        assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason

    play(story)


def test_an_annotation_decides_what_becomes_of_a_pod() -> None:
    async def story(world: World) -> None:
        annotated = template()
        annotated["metadata"]["annotations"] = {"steersman.dev/pretend": "pending"}
        world.create(
            "apps", "deployments", "web", spec={"selector": SELECTOR, "template": annotated}
        )
        await asyncio.sleep(5)
        (pod,) = world.server.cluster.list("", "pods")
        assert pod["status"]["phase"] == "Pending"
        assert conditions(pod) == {"PodScheduled": ("False", "Unschedulable")}

    play(story)


def test_a_stateful_set_starts_in_order_with_claims_and_rolls_back_to_front() -> None:
    async def story(world: World) -> None:
        world.create("storage.k8s.io", "storageclasses", "fast", provisioner="x", metadata={})
        claim = {
            "metadata": {"name": "data"},
            "spec": {
                "storageClassName": "fast",
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        spec = {
            "replicas": 2,
            "serviceName": "db",
            "selector": SELECTOR,
            "template": template(),
            "volumeClaimTemplates": [claim],
        }
        world.create("apps", "statefulsets", "db", spec=spec)
        await asyncio.sleep(0.8)
        assert world.names("", "pods") == ["db-0"]
        await asyncio.sleep(5)
        assert world.names("", "pods") == ["db-0", "db-1"]
        assert world.names("", "persistentvolumeclaims") == ["data-db-0", "data-db-1"]
        status = world.get("apps", "statefulsets", "db")["status"]
        assert status["readyReplicas"] == status["updatedReplicas"] == 2
        world.change("apps", "statefulsets", "db", template=template("nginx:2"))
        await asyncio.sleep(10)
        status = world.get("apps", "statefulsets", "db")["status"]
        assert status["currentRevision"] == status["updateRevision"]
        assert status["readyReplicas"] == status["updatedReplicas"] == 2

    play(story)


def test_a_daemon_set_runs_on_every_node() -> None:
    async def story(world: World) -> None:
        world.create(
            "apps", "daemonsets", "agent", spec={"selector": SELECTOR, "template": template()}
        )
        await asyncio.sleep(3)
        assert world.get("apps", "daemonsets", "agent")["status"] == {
            "currentNumberScheduled": 3,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 3,
            "numberReady": 3,
            "observedGeneration": 1,
            "updatedNumberScheduled": 3,
            "numberAvailable": 3,
        }
        nodes = {pod["spec"]["nodeName"] for pod in world.server.cluster.list("", "pods")}
        assert nodes == {"node-1", "node-2", "node-3"}

    play(story, NodeSettings(nodes=3))


def test_jobs_complete_or_give_up() -> None:
    async def story(world: World) -> None:
        world.create("batch", "jobs", "good", spec={"template": template(restartPolicy="Never")})
        failing = template("x:crashing", restartPolicy="Never")
        world.create("batch", "jobs", "bad", spec={"backoffLimit": 1, "template": failing})
        await asyncio.sleep(10)
        assert conditions(world.get("batch", "jobs", "good")) == {
            "SuccessCriteriaMet": ("True", "CompletionsReached"),
            "Complete": ("True", "CompletionsReached"),
        }
        bad = world.get("batch", "jobs", "bad")
        assert conditions(bad)["Failed"] == ("True", "BackoffLimitExceeded")
        assert bad["status"]["failed"] == 2

    play(story)


def test_a_cron_job_runs_on_schedule_and_keeps_a_short_history() -> None:
    async def story(world: World) -> None:
        job = {"spec": {"template": template(restartPolicy="Never")}}
        spec = {"schedule": "*/5 * * * *", "jobTemplate": job, "successfulJobsHistoryLimit": 2}
        world.create("batch", "cronjobs", "tick", spec=spec)
        await asyncio.sleep(1000)
        assert world.names("batch", "jobs") == ["tick-29453770", "tick-29453775"]
        status = world.get("batch", "cronjobs", "tick")["status"]
        assert status["lastScheduleTime"] == "2026-01-01T00:15:00Z"

    play(story)


def test_a_load_balancer_gets_an_address_and_loses_it_with_its_type() -> None:
    async def story(world: World) -> None:
        spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
        world.create("", "services", "lb", spec=spec)
        await asyncio.sleep(1)
        (ingress,) = world.get("", "services", "lb")["status"]["loadBalancer"]["ingress"]
        assert ingress["ip"].startswith("172.18.")
        world.change("", "services", "lb", type="ClusterIP")
        await asyncio.sleep(1)
        assert world.get("", "services", "lb")["status"] == {"loadBalancer": {}}

    play(story)


def test_two_runs_are_equal() -> None:
    async def run() -> list[str]:
        clock = VirtualClock(asyncio.get_running_loop())
        async with ApiServer(clock=clock, seed=1) as server, PretendNodes(server):
            world = World(server)
            await asyncio.sleep(0.1)
            world.create("apps", "deployments", "web", spec=_deployment(replicas=3))
            await asyncio.sleep(5)
            return [str(pod) for pod in server.cluster.list("", "pods")]

    assert run_virtual(run) == run_virtual(run)
