"""Claims find volumes, and load balancers find addresses."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from steersman.objects.manifest import Manifest, metadata_of, name_of, namespace_of, uid_of
from steersman.objects.quantity import parse_quantity
from steersman.servers.nodes.workshop import Workshop

__all__ = ["Balancers", "Claims"]

_CLAIM_FINALIZER: Final = "kubernetes.io/pvc-protection"
_VOLUME_FINALIZER: Final = "kubernetes.io/pv-protection"
_PROVISIONER: Final = "pv.kubernetes.io/provisioned-by"


class Claims:
    """Binds claims: to a volume that fits, or to one made for them by their storage class.

    Args:
        work: access to the cluster.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work

    def look_at(self, namespace: str, name: str) -> None:
        """Binds a claim that waits, or lets a deleted one go."""
        claim = self._work.get("", "persistentvolumeclaims", namespace, name)
        if claim is None:
            return
        if metadata_of(claim).get("deletionTimestamp"):
            self._let_go(claim)
            return
        if (claim.get("status") or {}).get("phase") == "Bound" or not self._is_wanted(claim):
            return
        age = self._work.seconds_since(metadata_of(claim)["creationTimestamp"])
        left = self._work.settings.binds_after - age
        if left > 0:
            key = ("bind", namespace, name)
            self._work.later(left, key, lambda: self.look_at(namespace, name))
            return
        volume = self._fitting(claim) or self._provision(claim)
        if volume is not None:
            self._bind(claim, volume)

    def look_at_volume(self, name: str) -> None:
        """Lets a deleted volume go, and frees one whose claim is gone."""
        volume = self._work.get("", "persistentvolumes", "", name)
        if volume is None:
            return
        reference = volume["spec"].get("claimRef") or {}
        claim = self._work.get(
            "",
            "persistentvolumeclaims",
            reference.get("namespace") or "",
            reference.get("name") or "",
        )
        bound = claim is not None and uid_of(claim) == reference.get("uid")
        if metadata_of(volume).get("deletionTimestamp"):
            if not bound:
                self._drop_finalizer("persistentvolumes", volume, _VOLUME_FINALIZER)
        elif reference and not bound and (volume.get("status") or {}).get("phase") == "Bound":
            if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
                self._work.delete("", "persistentvolumes", volume)
            else:
                self._set_phase(volume, "Released")
        elif not reference and (volume.get("status") or {}).get("phase") == "Pending":
            self._set_phase(volume, "Available")

    def _set_phase(self, volume: Manifest, phase: str) -> None:
        status = {"phase": phase, "lastPhaseTransitionTime": self._work.now}
        self._work.set_status("", "persistentvolumes", volume, status)

    def _let_go(self, claim: Manifest) -> None:
        for pod in self._work.every("", "pods", namespace_of(claim)):
            if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                continue
            if _uses(pod, name_of(claim)):
                return
        self._drop_finalizer("persistentvolumeclaims", claim, _CLAIM_FINALIZER)

    def _drop_finalizer(self, plural: str, obj: Manifest, finalizer: str) -> None:
        def change(now: Manifest) -> Manifest:
            finalizers = [
                one for one in metadata_of(now).get("finalizers") or () if one != finalizer
            ]
            return {**now, "metadata": {**now["metadata"], "finalizers": finalizers}}

        if finalizer in (metadata_of(obj).get("finalizers") or ()):
            self._work.edit("", plural, obj, change)

    def _class_of(self, claim: Manifest) -> Mapping[str, Any] | None:
        name = claim["spec"].get("storageClassName") or ""
        return self._work.get("storage.k8s.io", "storageclasses", "", name) if name else None

    def _is_wanted(self, claim: Manifest) -> bool:
        found = self._class_of(claim)
        if found is None or found.get("volumeBindingMode") != "WaitForFirstConsumer":
            return True
        pods = self._work.every("", "pods", namespace_of(claim))
        return any(_uses(pod, name_of(claim)) for pod in pods)

    def _fitting(self, claim: Manifest) -> Manifest | None:
        """Returns the smallest free volume that fits a claim."""
        spec = claim["spec"]
        asked = parse_quantity(spec["resources"]["requests"]["storage"]).nanos
        fitting = []
        for volume in self._work.every("", "persistentvolumes"):
            offered = volume["spec"]
            reference = offered.get("claimRef") or {}
            mine = reference.get("name") in (None, name_of(claim)) and reference.get(
                "namespace"
            ) in (None, namespace_of(claim))
            free = (volume.get("status") or {}).get("phase") != "Bound" and mine
            same = (offered.get("storageClassName") or "") == (spec.get("storageClassName") or "")
            modes = set(spec["accessModes"]) <= set(offered.get("accessModes") or ())
            named = spec.get("volumeName") in (None, "", name_of(volume))
            size = parse_quantity(offered["capacity"].get("storage") or "0").nanos
            if free and same and modes and named and size >= asked:
                fitting.append((size, name_of(volume), volume))
        return min(fitting, key=lambda one: one[:2])[2] if fitting else None

    def _provision(self, claim: Manifest) -> Manifest | None:
        found = self._class_of(claim)
        if found is None or found.get("provisioner") == "kubernetes.io/no-provisioner":
            return None
        name = f"pvc-{uid_of(claim)}"
        spec = claim["spec"]
        volume: Manifest = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {_PROVISIONER: found["provisioner"]}},
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec["accessModes"],
                "persistentVolumeReclaimPolicy": found.get("reclaimPolicy") or "Delete",
                "storageClassName": name_of(dict(found)),
                "volumeMode": spec.get("volumeMode") or "Filesystem",
                "csi": {"driver": found["provisioner"], "volumeHandle": name},
            },
        }
        self._work.ensure("", "persistentvolumes", volume)
        return self._work.get("", "persistentvolumes", "", name)

    def _bind(self, claim: Manifest, volume: Manifest) -> None:
        reference = {
            "kind": "PersistentVolumeClaim",
            "namespace": namespace_of(claim),
            "name": name_of(claim),
            "uid": uid_of(claim),
            "apiVersion": "v1",
        }
        self._work.edit(
            "",
            "persistentvolumes",
            volume,
            lambda now: {**now, "spec": {**now["spec"], "claimRef": reference}},
        )
        fresh = self._work.get("", "persistentvolumes", "", name_of(volume))
        if fresh is not None:
            self._set_phase(fresh, "Bound")
        self._work.edit(
            "",
            "persistentvolumeclaims",
            claim,
            lambda now: {**now, "spec": {**now["spec"], "volumeName": name_of(volume)}},
        )
        current = self._work.get("", "persistentvolumeclaims", namespace_of(claim), name_of(claim))
        if current is not None:
            status = {
                "phase": "Bound",
                "accessModes": volume["spec"]["accessModes"],
                "capacity": {"storage": volume["spec"]["capacity"]["storage"]},
            }
            self._work.set_status("", "persistentvolumeclaims", current, status)


def _uses(pod: Manifest, claim: str) -> bool:
    return any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim
        for volume in pod["spec"].get("volumes") or ()
    )


class Balancers:
    """Gives LoadBalancer Services an address.

    Args:
        work: access to the cluster.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work.under("cloud-controller-manager")

    def look_at(self, namespace: str, name: str) -> None:
        """Sets or clears the address of a Service."""
        service = self._work.get("", "services", namespace, name)
        if service is None or metadata_of(service).get("deletionTimestamp"):
            return
        balancer = (service.get("status") or {}).get("loadBalancer") or {}
        wanted = service["spec"].get("type") == "LoadBalancer"
        if not wanted:
            if balancer.get("ingress"):
                self._work.set_status("", "services", service, {"loadBalancer": {}})
            return
        if balancer.get("ingress"):
            return
        age = self._work.seconds_since(metadata_of(service)["creationTimestamp"])
        left = self._work.settings.balances_after - age
        if left > 0:
            key = ("balance", namespace, name)
            self._work.later(left, key, lambda: self.look_at(namespace, name))
            return
        address = service["spec"].get("loadBalancerIP") or self._address(service)
        ingress = [{"ip": address, "ipMode": "VIP"}]
        self._work.set_status("", "services", service, {"loadBalancer": {"ingress": ingress}})

    def _address(self, service: Manifest) -> str:
        """Returns an address that no other Service has, the same in every run."""
        taken = {
            one.get("ip")
            for other in self._work.every("", "services")
            for one in ((other.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        }
        number = zlib.crc32(f"{namespace_of(service)}/{name_of(service)}".encode())
        while True:
            address = f"172.18.{200 + number // 254 % 50}.{number % 254 + 1}"
            if address not in taken:
                return address
            number += 1
