"""``steersman build``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from steersman.cli.render.terminal import standard_terminal
from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize import BuildOptions, Overlay, build, overlay_flux_spec
from steersman.kustomize.failure import BuildFailed

__all__ = ["command"]

_KINDS = "kustomize.toolkit.fluxcd.io/"


@click.command(
    "build",
    epilog="\b\nExamples:\n  steersman build overlays/prod\n"
    "  steersman build overlays/prod --order legacy | kubectl diff -f -\n"
    "  steersman build apps -f clusters/prod/apps.yaml",
)
@click.argument(
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
)
@click.option(
    "--order",
    type=click.Choice(["input", "legacy"]),
    default="input",
    show_default=True,
    help="As read, as Flux applies it; or sorted by kind, as kubectl prints it.",
)
@click.option(
    "--restrict",
    type=click.Choice(["none", "root"]),
    default="none",
    show_default=True,
    help="Whether files outside of a kustomization's own directory may be read: "
    "`none` as Flux does, `root` as kubectl does. Bases may always lie elsewhere.",
)
@click.option(
    "-f",
    "--filename",
    "spec_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Flux Kustomization whose patches, images, namespace and components are added. "
    "Also lets a directory without a kustomization file be built.",
)
def command(directory: Path, order: Any, restrict: Any, spec_file: Path | None) -> None:
    """Build the kustomization in DIRECTORY and print the manifests.

    Gives what kustomize 5.8 gives, without running it. Remote bases and Helm charts are refused.
    """
    overlay = _overlay(spec_file) if spec_file is not None else None
    rendered = build(
        directory, order=order, overlay=overlay, options=BuildOptions(restriction=restrict)
    )
    terminal = standard_terminal()
    for warning in rendered.warnings:
        terminal.warning(warning.removeprefix("# Warning: "))
    text = rendered.to_yaml()
    if text:
        terminal.data(text.removesuffix("\n"))


def _overlay(path: Path) -> Overlay:
    """Reads the Flux Kustomization of a file.

    Raises:
        BuildFailed: the file holds none, or several.
    """
    try:
        documents = load_all(path.read_bytes(), source=str(path))
    except YamlError as error:
        raise BuildFailed(error.problem, file=str(path), line=error.line) from None
    found = [
        document.value
        for document in documents
        if isinstance(document.value, dict)
        and document.value.get("kind") == "Kustomization"
        and str(document.value.get("apiVersion")).startswith(_KINDS)
    ]
    if len(found) != 1:
        raise BuildFailed(f"expected one Flux Kustomization, found {len(found)}", file=str(path))
    return overlay_flux_spec(found[0].get("spec") or {})
