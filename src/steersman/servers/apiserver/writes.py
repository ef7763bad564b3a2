"""create, update, patch: from a decoded body to a commit.

Everything here is synchronous: between reading the present object and committing the new one
nothing else runs, so there is no conflict to retry. Source of the order of steps and the texts:
recorded answers of kube-apiserver 1.36 and ``k8s.io/apiserver/pkg/{endpoints/handlers,registry}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from steersman.fieldmanager.manager import keep_old_times
from steersman.objects.identity import GroupKind
from steersman.objects.manifest import Manifest, metadata_of, name_of
from steersman.servers.apiserver.admission import Admission, Attempt
from steersman.servers.apiserver.answers import (
    already_exists,
    conflict,
    internal,
    modified,
    not_found,
)
from steersman.servers.apiserver.authn import User
from steersman.servers.apiserver.bodies import Body
from steersman.servers.apiserver.bodychecks import check_kind, judge, place, with_reset, wrong_name
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.conversion import from_storage, to_storage
from steersman.servers.apiserver.fielderrors import invalid, invalid_object
from steersman.servers.apiserver.lineage import SERVER_OWNED, is_finished, keep_identity, ordered
from steersman.servers.apiserver.options import WriteOptions
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.storage import Stored
from steersman.servers.apiserver.strategy import Decoded, WriteContext
from steersman.servers.apiserver.tracking import Tracking

__all__ = ["Edit", "Target", "Writer", "Written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which object, through which endpoint, and who asks."""

    resource: Resource
    namespace: str
    name: str
    subresource: str = ""
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The outcome of a write.

    Attributes:
        manifest: the object in the version of the request.
        created: it was not there before.
        warnings: texts for ``Warning`` headers.
    """

    manifest: Manifest
    created: bool = False
    warnings: tuple[str, ...] = ()


_DELETION = ("deletionTimestamp", "deletionGracePeriodSeconds")

Edit = Callable[[Manifest], Decoded]
"""From the present object, in the version of the request, to the wanted one."""


class Writer:
    """Commits objects.

    Args:
        cluster: the store and what goes with it.
        tracking: keeps ``managedFields``.
        admission: what may refuse or change a write.
    """

    def __init__(self, cluster: Cluster, tracking: Tracking, admission: Admission) -> None:
        self._cluster = cluster
        self._tracking = tracking
        self._admission = admission

    # create

    def create(self, target: Target, body: Body, options: WriteOptions) -> Written:
        """Creates an object from a POST.

        Raises:
            ApiError: as the real server answers.
        """
        resource = target.resource
        check_kind(self._cluster.table, resource, body.value)
        decoded = resource.strategy.decode(body.value)
        warnings = judge(resource, (*decoded.problems, *body.duplicates), options)
        obj = place(target, decoded.obj)
        if metadata_of(obj).get("resourceVersion"):
            raise internal("resourceVersion should not be set on objects to be created")
        obj = self._new_identity(target, obj)
        manager = self._tracking.of(resource, target.subresource)
        obj = manager.update(
            None, obj, manager=options.manager, now=self._cluster.now, operation="Update"
        )
        return self.commit_new(target, obj, options, warnings)

    def commit_new(
        self, target: Target, obj: Manifest, options: WriteOptions, warnings: tuple[str, ...] = ()
    ) -> Written:
        """Prepares, admits, checks and stores a new object whose managers are known."""
        resource, cluster = target.resource, self._cluster
        context = WriteContext(now=cluster.now, cluster=cluster, dry_run=options.dry_run)
        attempt = Attempt(target=target, operation="CREATE", dry_run=options.dry_run)
        obj = self._admission.mutate(attempt, obj, None)
        obj = resource.strategy.prepare_create(obj, context)
        errors = resource.strategy.validate_create(obj, context)
        if errors:
            raise invalid_object(resource.gvk.group_kind, name_of(obj), errors)
        key = resource.key(target.namespace, name_of(obj))
        if cluster.store.get(resource.bucket, key) is not None:
            raise already_exists(resource.info.group, resource.info.plural, name_of(obj))
        self._admission.validate(attempt, obj, None)
        warnings = (
            *warnings,
            *resource.strategy.warnings(obj, None),
            *self._admission.warnings(attempt, obj, None),
        )
        if options.dry_run:
            return Written(manifest=obj, created=True, warnings=warnings)
        stored = cluster.store.put(resource.bucket, key, ordered(resource, obj))
        return Written(manifest=self.served(resource, stored), created=True, warnings=warnings)

    def _new_identity(self, target: Target, obj: Manifest) -> Manifest:
        given = metadata_of(obj)
        name, base = given.get("name", ""), given.get("generateName", "")
        metadata: dict[str, Any] = {}
        if not name and base:
            name = self._cluster.generate_name(base)
        if name:
            metadata["name"] = name
        if base:
            metadata["generateName"] = base
        if target.resource.info.namespaced:
            metadata["namespace"] = target.namespace
        metadata["uid"] = self._cluster.new_uid()
        if "generation" in given:
            metadata["generation"] = given["generation"]
        metadata["creationTimestamp"] = self._cluster.now
        for field, value in given.items():
            if field not in metadata and field not in SERVER_OWNED:
                metadata[field] = value
        return {**obj, "metadata": metadata}

    # update

    def update(self, target: Target, body: Body, options: WriteOptions) -> Written:
        """Replaces an object from a PUT.

        Raises:
            ApiError: as the real server answers.
        """
        resource = target.resource
        check_kind(self._cluster.table, resource, body.value)
        decoded = resource.strategy.decode(body.value)
        problems = (*decoded.problems, *body.duplicates)
        warnings = judge(resource, problems, options)
        obj = place(target, with_reset(decoded.obj, body.value))
        if name_of(obj) != target.name:
            raise wrong_name(name_of(obj), target.name)
        current = self.current(target)
        if current is None:
            if resource.traits.create_on_update and not target.subresource:
                return self._create_by_put(target, obj, options, warnings)
            raise not_found(resource.info.group, resource.info.plural, target.name)
        version = metadata_of(obj).get("resourceVersion", "")
        if not version and not resource.traits.unconditional_update:
            error = invalid("metadata.resourceVersion", 0, "must be specified for an update")
            # The storage layer knows no kinds: it names the resource.
            named = GroupKind(resource.info.group, resource.info.plural)
            raise invalid_object(named, target.name, [error])
        self._check_uid(target, obj, current)
        return self.replace(target, current, obj, options, warnings)

    def _create_by_put(
        self, target: Target, obj: Manifest, options: WriteOptions, warnings: tuple[str, ...]
    ) -> Written:
        metadata = dict(metadata_of(obj))
        if metadata.pop("resourceVersion", None):
            raise not_found(target.resource.info.group, target.resource.info.plural, target.name)
        obj = self._new_identity(target, {**obj, "metadata": metadata})
        manager = self._tracking.of(target.resource, target.subresource)
        obj = manager.update(None, obj, manager=options.manager, now=self._cluster.now)
        return self.commit_new(target, obj, options, warnings)

    def _check_uid(self, target: Target, obj: Manifest, current: Manifest) -> None:
        uid, there = metadata_of(obj).get("uid"), metadata_of(current)["uid"]
        if uid and uid != there:
            info = target.resource.info
            where = "/".join(
                part
                for part in ("/registry", _registry_path(target.resource), target.namespace)
                if part
            )
            text = (
                f"StorageError: invalid object, Code: 4, Key: {where}/{target.name}, "
                f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
                f"precondition: {uid}, UID in object meta: {there}"
            )
            raise conflict(info.group, info.plural, target.name, text)

    # patch

    def patch(self, target: Target, edit: Edit, options: WriteOptions) -> Written:
        """Changes an object by a JSON, merge or strategic merge patch.

        Args:
            target: the object.
            edit: applies the patch to the present object and decodes the outcome.
            options: of the request.

        Raises:
            ApiError: as the real server answers.
        """
        current = self.current(target)
        if current is None:
            info = target.resource.info
            raise not_found(info.group, info.plural, target.name)
        decoded = edit(current)
        obj = decoded.obj
        warnings = decoded.problems if options.field_validation == "Warn" else ()
        if name_of(obj) != target.name:
            raise wrong_name(name_of(obj), target.name)
        return self.replace(target, current, obj, options, warnings)

    def apply(self, target: Target, config: Manifest, options: WriteOptions) -> Written:
        """Applies a configuration (server-side apply), creating the object if it is absent.

        Raises:
            ApiError: 409 with the conflicts, and as the real server answers.
        """
        resource, cluster = target.resource, self._cluster
        current = self.current(target)
        manager = self._tracking.of(resource, target.subresource)
        if current is None:
            info = resource.info
            if target.subresource:
                raise not_found(info.group, info.plural, target.name)
            uid = metadata_of(config).get("uid")
            if uid:
                text = (
                    f"uid mismatch: the provided object specified uid {uid}, and no existing "
                    "object was found"
                )
                raise conflict(info.group, info.plural, target.name, text)
            applied = manager.apply(
                None, config, manager=options.manager, force=options.force, now=cluster.now
            )
            if name_of(config) != target.name:
                raise wrong_name(name_of(config), target.name)
            obj = place(target, resource.strategy.decode(applied, merged=True).obj)
            metadata = {k: v for k, v in metadata_of(obj).items() if k != "resourceVersion"}
            obj = self._new_identity(target, {**obj, "metadata": metadata})
            return self.commit_new(target, obj, options)
        applied = manager.apply(
            current, config, manager=options.manager, force=options.force, now=cluster.now
        )
        if name_of(config) != target.name:
            raise wrong_name(name_of(config), target.name)
        decoded = resource.strategy.decode(applied, merged=True)
        return self.replace(target, current, decoded.obj, options, tracked=True)

    # the common end

    def replace(
        self,
        target: Target,
        current: Manifest,
        obj: Manifest,
        options: WriteOptions,
        warnings: tuple[str, ...] = (),
        *,
        tracked: bool = False,
    ) -> Written:
        """Prepares, admits, checks and stores the successor of ``current``.

        Args:
            target: the object.
            current: its present state, in the version of the request.
            obj: the wanted state, decoded.
            options: of the request.
            warnings: texts collected so far.
            tracked: ``managedFields`` are final already.
        """
        resource, cluster = target.resource, self._cluster
        info = resource.info
        version = metadata_of(obj).get("resourceVersion", "")
        if version and version != metadata_of(current)["resourceVersion"]:
            raise modified(info.group, info.plural, target.name)
        given = metadata_of(obj)
        obj = keep_identity(obj, current)
        if not tracked:
            obj = self._tracked(target, current, obj, given, options)
        context = WriteContext(
            now=cluster.now,
            cluster=cluster,
            subresource=target.subresource,
            dry_run=options.dry_run,
        )
        attempt = Attempt(target=target, operation="UPDATE", dry_run=options.dry_run)
        obj = self._admission.mutate(attempt, obj, current)
        obj = resource.strategy.prepare_update(obj, current, context)
        errors = resource.strategy.validate_update(obj, current, context)
        if errors:
            raise invalid_object(resource.gvk.group_kind, name_of(obj), errors)
        self._admission.validate(attempt, obj, current)
        warnings = (
            *warnings,
            *resource.strategy.warnings(obj, current),
            *self._admission.warnings(attempt, obj, current),
        )
        obj = keep_old_times(current, ordered(resource, obj))
        if options.dry_run or obj == current:
            return Written(manifest=obj, warnings=warnings)
        key = resource.key(target.namespace, target.name)
        if is_finished(obj, current):
            cluster.store.delete(resource.bucket, key, to_storage(resource, obj))
            return Written(manifest=obj, warnings=warnings)
        stored = cluster.store.put(resource.bucket, key, to_storage(resource, obj))
        return Written(manifest=self.served(resource, stored), warnings=warnings)

    # small parts

    def _tracked(
        self,
        target: Target,
        current: Manifest,
        obj: Manifest,
        given: Mapping[str, Any],
        options: WriteOptions,
    ) -> Manifest:
        """Records who changed what; a client that leaves out the deletion's fields drops them."""
        metadata = metadata_of(obj)
        seen = {k: v for k, v in metadata.items() if k not in _DELETION or k in given}
        manager = self._tracking.of(target.resource, target.subresource)
        updated = metadata_of(
            manager.update(
                current,
                {**obj, "metadata": seen},
                manager=options.manager,
                now=self._cluster.now,
            )
        )
        kept = {k: v for k, v in metadata.items() if k != "managedFields"}
        if "managedFields" in updated:
            kept["managedFields"] = updated["managedFields"]
        return {**obj, "metadata": kept}

    def current(self, target: Target) -> Manifest | None:
        """Returns the present object in the version of the request."""
        resource = target.resource
        stored = self._cluster.store.get(
            resource.bucket, resource.key(target.namespace, target.name)
        )
        return from_storage(resource, stored.manifest) if stored else None

    def served(self, resource: Resource, stored: Stored) -> Manifest:
        """Returns a stored object in the version of the request."""
        return from_storage(resource, stored.manifest)


def _registry_path(resource: Resource) -> str:
    info = resource.info
    return f"{info.group}/{info.plural}" if resource.custom else info.plural
