"""Builds one kustomization: gathers, generates, transforms. Reads as the specification does.

The order is fixed: resources, generators, components, transformers, validators; hashes, name
references and variables come last, once, for the whole tree (:func:`finish`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from steersman.kustomize.configuration import TransformerConfig, parse_config
from steersman.kustomize.context import BuildContext
from steersman.kustomize.crds import config_from_crds
from steersman.kustomize.defaults import default_config
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.filters.namereferences import fix_references
from steersman.kustomize.generators import content_hash, generate
from steersman.kustomize.kustfile import read_kustomization
from steersman.kustomize.loader import Loader
from steersman.kustomize.model import Kustomization
from steersman.kustomize.origin import Origin, add_origin, add_transformation, origin_of_config
from steersman.kustomize.parse import parse_resources
from steersman.kustomize.plugins import Transformer, configured_generator, configured_transformer
from steersman.kustomize.resource import LOCAL_CONFIG, NEEDS_HASH, ORIGIN, Resource
from steersman.kustomize.resourceset import ResourceSet
from steersman.kustomize.transformers import built_in_transformers
from steersman.kustomize.variables import VariableSet

__all__ = ["Accumulated", "Target", "finish"]


@dataclass(slots=True)
class Accumulated:
    """What a kustomization has gathered so far."""

    resources: ResourceSet = field(default_factory=ResourceSet)
    config: TransformerConfig = field(default_factory=TransformerConfig)
    variables: VariableSet = field(default_factory=VariableSet)

    def merge(self, other: Accumulated) -> None:
        """Adds what a base or component has gathered."""
        self.resources.append_all(other.resources)
        self.config = self.config.merged_with(other.config)
        self.variables.merge(other.variables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a base gathered, to be taken again.

    Args:
        resources: copies whose trees are shared.
        config: its configuration.
        variables: its variables.
        entered: directories that were looked at below it.
        warnings: what was warned of.
    """

    resources: tuple[Resource, ...]
    config: TransformerConfig
    variables: VariableSet
    entered: tuple[str, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(
        cls, gathered: Accumulated, entered: tuple[str, ...], warnings: tuple[str, ...]
    ) -> Snapshot:
        """Copies what was gathered, before it goes on changing."""
        return cls(
            resources=tuple(resource.copy() for resource in gathered.resources),
            config=gathered.config,
            variables=gathered.variables.copy(),
            entered=entered,
            warnings=warnings,
        )

    def restored(self) -> Accumulated:
        """Returns it as if it had been gathered anew."""
        return Accumulated(
            resources=ResourceSet(resource.copy() for resource in self.resources),
            config=self.config,
            variables=self.variables.copy(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One kustomization that is to be built.

    Args:
        context: what the whole build shares.
        loader: reads files relative to it.
        file: name of the kustomization file.
        kustomization: its content.
        origin: where it lies, when origins are asked for.
    """

    context: BuildContext
    loader: Loader
    file: str
    kustomization: Kustomization
    origin: Origin | None = None

    @classmethod
    def load(cls, context: BuildContext, loader: Loader, **changes: object) -> Target:
        """Reads the kustomization in the loader's directory.

        Raises:
            BuildFailed: there is none, there are several, or it is malformed.
        """
        file, kustomization = read_kustomization(loader, context)
        return cls(context=context, loader=loader, file=file, kustomization=kustomization)

    def accumulate(self, into: Accumulated | None = None) -> Accumulated:
        """Gathers and transforms.

        Args:
            into: what a component works on; a kustomization starts empty.

        Raises:
            BuildFailed: with kustomize's reason.
        """
        gathered = into or Accumulated()
        try:
            gathered = self._add_resources(gathered, self.kustomization.resources)
        except BuildFailed as error:
            raise error.within("accumulating resources") from None
        self._add_config(gathered)
        self._run_generators(gathered)
        try:
            gathered = self._add_components(gathered)
        except BuildFailed as error:
            raise error.within("accumulating components") from None
        self._run_transformers(gathered)
        self._run_validators(gathered)
        gathered.variables.define(self.kustomization.vars or (), gathered.resources)
        return gathered

    def remembered(self) -> Accumulated:
        """Gathers and transforms, or takes what the same files gave before."""
        context, loader = self.context, self.loader
        cache, journal = context.cache, context.journal
        if cache is None or journal is None or loader.files is not journal:
            return self.accumulate()
        metadata = tuple(self.kustomization.build_metadata)
        key = ("base", loader.root, loader.restriction, metadata, self.origin, context.schema)
        entry = cache.find(key, journal)
        if entry is not None and not loader.would_cycle(entry.value.entered):
            journal.recall(entry.journal)
            held: Snapshot = entry.value
            context.warnings.extend(held.warnings)
            return held.restored()
        schema, warned = context.schema, len(context.warnings)
        with journal.recording() as asked:
            self._ask_again()
            gathered = self.accumulate()
        if context.schema is schema:
            entered = tuple({path for name, path in asked if name == "is_dir"})
            snapshot = Snapshot.of(gathered, entered, tuple(context.warnings[warned:]))
            cache.keep(key, asked, snapshot)
        return gathered

    def _ask_again(self) -> None:
        """Reads the kustomization itself once more, so that the journal holds it."""
        read_kustomization(self.loader, BuildContext())
        if "path" in self.kustomization.openapi:
            self.loader.load(self.kustomization.openapi["path"])

    # Resources and components

    def _add_resources(self, gathered: Accumulated, paths: Iterable[str]) -> Accumulated:
        for path in paths:
            try:
                self._append_file(gathered, path)
            except BuildFailed as error:
                gathered = self._add_directory_or_fail(gathered, path, error)
        return gathered

    def _add_directory_or_fail(
        self, gathered: Accumulated, path: str, file_failure: BuildFailed
    ) -> Accumulated:
        try:
            loader = self.loader.enter(path)
        except BuildFailed as error:
            if "MalformedYAMLError" in file_failure.problem:
                raise file_failure from None
            raise error.within(f"accumulation err='{file_failure.problem}'") from None
        try:
            return self._add_directory(gathered, path, loader, component=False)
        except BuildFailed as error:
            raise error.within(f"accumulation err='{file_failure.problem}'") from None

    def _append_file(self, gathered: Accumulated, path: str) -> None:
        resources = self._read_file(path)
        try:
            gathered.resources.append_all(resources)
        except BuildFailed as error:
            raise error.within(f"merging resources from '{path}'") from None

    def _read_file(self, path: str) -> list[Resource]:
        try:
            content = self.loader.load(path)
            resources = self._parsed(content, path)
        except BuildFailed as error:
            raise error.within(f"accumulating resources from '{path}'") from None
        for resource in resources:
            resource.source = self.loader.real_path(path)
        if self.origin is not None:
            origin = str(self.origin.below(path))
            for resource in resources:
                resource.set_annotations({**resource.annotations, ORIGIN: origin})
        try:
            ResourceSet().append_all(resources)
        except BuildFailed as error:
            raise error.within(f"accumulating resources from '{path}'") from None
        return resources

    def _parsed(self, content: bytes, path: str) -> list[Resource]:
        try:
            return parse_resources(content, self.context.schema, file=self.loader.real_path(path))
        except BuildFailed as error:
            if "MalformedYAMLError" in error.problem:
                raise error.reworded(f"{error.problem} in File: {path}") from None
            raise

    def _add_components(self, gathered: Accumulated) -> Accumulated:
        for path in self.kustomization.components:
            try:
                loader = self.loader.enter(path)
            except BuildFailed as error:
                raise error.reworded(f'loader.New "{_quoted(error.problem)}"') from None
            try:
                gathered = self._add_directory(gathered, path, loader, component=True)
            except BuildFailed as error:
                raise error.reworded(f'accumulateDirectory: "{_quoted(error.problem)}"') from None
        return gathered

    def _add_directory(
        self, gathered: Accumulated, path: str, loader: Loader, *, component: bool
    ) -> Accumulated:
        try:
            target = Target.load(self.context, loader)
        except BuildFailed as error:
            raise error.within(f"couldn't make target for path '{loader.root}'") from None
        target = replace(
            target,
            kustomization=replace(
                target.kustomization, build_metadata=self.kustomization.build_metadata
            ),
            origin=self.origin.below(path) if self.origin is not None else None,
        )
        self.context.use_schema(target.kustomization.openapi, loader, nested=True)
        kind = target.kustomization.kind
        if component and kind != "Component":
            raise BuildFailed(
                f"expected kind 'Component' for path '{loader.root}' but got '{kind}'"
            )
        if not component and kind == "Component":
            raise BuildFailed(f"expected kind != 'Component' for path '{loader.root}'")
        try:
            below = target.accumulate(gathered) if component else target.remembered()
        except BuildFailed as error:
            raise error.within(f"recursed accumulation of path '{loader.root}'") from None
        if component:
            gathered = Accumulated()
        try:
            gathered.merge(below)
        except BuildFailed as error:
            raise error.within(f"recursed merging from path '{loader.root}'") from None
        return gathered

    # Configuration and generators

    def _add_config(self, gathered: Accumulated) -> None:
        config = default_config()
        for path in self.kustomization.configurations:
            content = self.loader.load(path)
            config = config.merged_with(parse_config(content, source=self.loader.real_path(path)))
        gathered.config = gathered.config.merged_with(config)
        for path in self.kustomization.crds:
            try:
                found = config_from_crds(self.loader.load(path), path)
            except BuildFailed as error:
                shown = " ".join(self.kustomization.crds)
                raise error.within(f"loading CRDs [{shown}]") from None
            gathered.config = gathered.config.merged_with(found)

    def _run_generators(self, gathered: Accumulated) -> None:
        kustomization = self.kustomization
        if kustomization.helm_charts:
            raise BuildFailed(
                "trouble configuring builtin HelmChartInflationGenerator: "
                "must specify --enable-helm (Helm charts in a kustomization are not supported)"
            )
        for kind, entries in (
            ("ConfigMap", kustomization.config_map_generator),
            ("Secret", kustomization.secret_generator),
        ):
            origin = self.origin.of_builtin(self.file, f"{kind}Generator") if self.origin else None
            for args in entries:
                common = kustomization.generator_options
                if common is not None:
                    options = args.options.overlaid_by(common) if args.options else common
                    args = replace(args, options=options)
                resource = generate(kind, args, self.loader, self.context.schema)
                resource.source = self.loader.real_path(self.file)
                self._absorb(gathered, [resource], origin)
        try:
            configs = self._plugin_configs(kustomization.generators)
        except BuildFailed as error:
            raise error.within("loading generator plugins") from None
        for config in configs:
            resources = configured_generator(config, self.loader, self.context)
            self._absorb(gathered, resources, origin_of_config(config))

    def _absorb(
        self, gathered: Accumulated, resources: Sequence[Resource], origin: Origin | None
    ) -> None:
        if origin is not None:
            for resource in resources:
                add_origin(resource, origin)
        try:
            gathered.resources.absorb_all(resources)
        except BuildFailed as error:
            raise error.within("merging from generator") from None

    def _plugin_configs(self, entries: Sequence[str]) -> list[Resource]:
        """Reads transformer or generator configs, written inline or in files and directories."""
        if not entries:
            return []
        gathered = Accumulated()
        paths = []
        for entry in entries:
            try:
                inline = parse_resources(entry, self.context.schema)
            except BuildFailed:
                paths.append(entry)
                continue
            if self.origin is not None:
                for resource in inline:
                    origin = str(self.origin.below(self.file))
                    resource.set_annotations({**resource.annotations, ORIGIN: origin})
            gathered.resources.append_all(inline)
        return list(self._add_resources(gathered, paths).resources)

    # Transformers and validators

    def _run_transformers(self, gathered: Accumulated) -> None:
        transformers: list[tuple[Transformer, Origin | None]] = [
            (transform, self.origin.of_builtin(self.file, kind) if self.origin else None)
            for kind, transform in built_in_transformers(
                self.kustomization, gathered.config, self.loader, self.context
            )
        ]
        for config in self._plugin_configs(self.kustomization.transformers):
            transform = configured_transformer(config, self.loader, self.context)
            transformers.append((transform, origin_of_config(config)))
        for transform, origin in transformers:
            transform(gathered.resources)
            if origin is not None:
                for resource in gathered.resources:
                    add_transformation(resource, origin)
            gathered.resources.drop_gone()

    def _run_validators(self, gathered: Accumulated) -> None:
        for config in self._plugin_configs(self.kustomization.validators):
            validate = configured_transformer(config, self.loader, self.context)
            before = [(resource.id, resource.tree) for resource in gathered.resources]
            validate(gathered.resources)
            after = [(resource.id, resource.tree) for resource in gathered.resources]
            if after != before:
                raise BuildFailed(
                    f"validator shouldn't modify the resource map: {config.original_id}"
                )


def _quoted(text: str) -> str:
    """Escapes a text as Go's ``%q`` does."""
    escapes = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r"))
    for char, escape in escapes:
        text = text.replace(char, escape)
    return text


def finish(gathered: Accumulated, warn: Callable[[str], None]) -> None:
    """Appends hashes, corrects references, expands variables, drops local objects.

    Raises:
        BuildFailed: a reference is ambiguous, a variable has no value, or changes
            gave two objects the same id.
    """
    for resource in gathered.resources:
        if resource.is_enabled(NEEDS_HASH):
            suffix = content_hash(resource.tree)
            resource.store_previous_id()
            resource.set_name(f"{resource.name}-{suffix}")
    fix_references(gathered.resources, gathered.config)
    gathered.variables.resolve(gathered.resources, gathered.config.var_reference, warn)
    gathered.resources.replace_all(filter(_is_not_local, gathered.resources))


def _is_not_local(resource: Resource) -> bool:
    value = resource.annotations.get(LOCAL_CONFIG)
    return value is None or value == "false"
