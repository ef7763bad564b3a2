"""Builds a kube-apiserver and an etcd from their public Go modules, once, outside the repository.

Run by ``make real-apiserver``; needs Go and its module proxy, about six minutes on two cores and
1.5 GB below Go's own caches. Prints the folder with both binaries, which the tests also find by
themselves; ``KUBEBUILDER_ASSETS`` names another one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

KUBERNETES = "1.36.3"
ETCD = "3.7.3"
PACKAGES = {
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "etcd": "go.etcd.io/etcd/server/v3",
}
TOOLCHAIN = "go"


def assets_folder() -> Path:
    """Returns where the binaries of these versions are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "steersman" / "real-apiserver" / f"{KUBERNETES}-etcd-{ETCD}"


def run(command: list[str], folder: Path, **variables: str) -> str:
    """Runs a Go command in a module's folder, at low priority."""
    flags = os.environ.get("GOFLAGS", "")
    environment = {
        **os.environ,
        **variables,
        "GOWORK": "off",
        "GOFLAGS": f"{flags} -mod=mod -buildvcs=false".strip(),
    }
    nice = ["nice", "-n", "10"] if shutil.which("nice") else []
    done = subprocess.run(  # noqa: S603 (constants only)
        [*nice, *command], cwd=folder, env=environment, stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode()


def staging_modules(folder: Path) -> list[str]:
    """Returns the modules that Kubernetes builds from its own tree."""
    answer = run(
        [TOOLCHAIN, "mod", "download", "-json", f"k8s.io/kubernetes@v{KUBERNETES}"], folder
    )
    text = Path(json.loads(answer)["GoMod"]).read_text()
    return sorted(set(re.findall(r"^\s*(\S+) v0\.0\.0(?:\s|$)", text, re.MULTILINE)))


def kubernetes_module(folder: Path) -> str:
    """Writes ``go.mod``: staging modules are replaced by what was published of them."""
    published = "v0." + KUBERNETES.removeprefix("1.")
    replaced = [f"replace {name} => {name} {published}" for name in staging_modules(folder)]
    lines = ["module build", "go 1.26", f"require k8s.io/kubernetes v{KUBERNETES}", *replaced]
    return "\n".join(lines) + "\n"


def build(name: str, target: Path) -> None:
    """Builds one binary."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "go.mod").write_text("module build\ngo 1.26\n")
        if name == "kube-apiserver":
            (folder / "go.mod").write_text(kubernetes_module(folder))
        else:
            run([TOOLCHAIN, "get", f"{PACKAGES[name]}@v{ETCD}"], folder)
        (folder / "tools.go").write_text(
            f'//go:build tools\n\npackage build\n\nimport _ "{PACKAGES[name]}"\n'
        )
        run([TOOLCHAIN, "mod", "tidy", "-e"], folder)
        major, minor, _ = KUBERNETES.split(".")
        version = "k8s.io/component-base/version"
        stamps = f"-X {version}.gitVersion=v{KUBERNETES}"
        stamps += f" -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
        flags = f"-s -w {stamps if name == 'kube-apiserver' else ''}"
        output = target.with_suffix(".part")
        command = [TOOLCHAIN, "build", "-trimpath", "-ldflags", flags, "-o", str(output)]
        run([*command, PACKAGES[name]], folder, CGO_ENABLED="0")
        output.rename(target)


def main() -> None:
    """Builds what is not there yet."""
    if shutil.which(TOOLCHAIN) is None:
        sys.exit("Go is missing; set KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd")
    folder = assets_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        if not (folder / name).exists():
            sys.stderr.write(f"building {name}, once\n")
            build(name, folder / name)
    sys.stdout.write(f"{folder}\n")


if __name__ == "__main__":
    main()
