"""The real kubectl and helm do their work against the embedded cluster."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from steersman.testing import RunningCluster, running_cluster
from tests.support.tools import real_helm, real_kubectl

pytestmark = [pytest.mark.conformance, pytest.mark.kubectl, pytest.mark.timeout(300)]

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "nginx:1.2"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], selector: {app: web}}
"""

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: things, kind: Thing, shortNames: [th]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer}}}}
"""
THING = "{apiVersion: example.com/v1, kind: Thing, metadata: {name: one}, spec: {size: 3}}"


class Shell:
    """Runs one tool against one cluster."""

    def __init__(self, tool: Path, cluster: RunningCluster, home: Path) -> None:
        self._tool = tool
        self._home = home
        self._environment = {
            "KUBECONFIG": str(cluster.kubeconfig_path),
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
        }

    def file(self, name: str, text: str) -> None:
        path = self._home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, line: str, code: int = 0) -> str:
        done = subprocess.run(
            f"{self._tool} {line}",
            shell=True,
            cwd=self._home,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningCluster]:
    with running_cluster(nodes=True) as cluster:
        yield cluster


@pytest.fixture
def kubectl(cluster: RunningCluster, tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(real_kubectl(), cluster, tmp_path)
    shell.run("create namespace work")
    shell.run("config set-context --current --namespace=work")
    yield shell
    shell.run("delete namespace work --timeout=30s")


def test_an_application_is_applied_watched_changed_and_deleted(kubectl: Shell) -> None:
    kubectl.file("app.yaml", APP)
    assert kubectl.run("apply -f app.yaml") == "deployment.apps/web created\nservice/web created\n"
    unchanged = "deployment.apps/web unchanged\nservice/web unchanged\n"
    assert kubectl.run("apply -f app.yaml") == unchanged
    assert "successfully rolled out" in kubectl.run("rollout status deploy/web --timeout=30s")
    assert re.search(r"^web +2/2 +2 +2 ", kubectl.run("get deploy"), re.MULTILINE)
    kubectl.file("app.yaml", APP.replace("1.2", "1.3"))
    changes = kubectl.run("diff -f app.yaml", code=1)
    assert re.findall(r"^[-+] +- image.*", changes, re.MULTILINE) == [
        "-      - image: nginx:1.2",
        "+      - image: nginx:1.3",
    ]
    kubectl.run("apply -f app.yaml")
    kubectl.run("rollout status deploy/web --timeout=30s")
    assert "deployment.apps/web rolled back\n" in kubectl.run("rollout undo deploy/web")
    image = "{.spec.template.spec.containers[0].image}"
    assert kubectl.run(f"get deploy web -o jsonpath='{image}'") == "nginx:1.2"
    assert kubectl.run("scale deploy web --replicas=3") == "deployment.apps/web scaled\n"
    wait = "wait --for=jsonpath='{.status.readyReplicas}'=3 deploy/web --timeout=30s"
    assert kubectl.run(wait) == "deployment.apps/web condition met\n"
    gone = kubectl.run("delete deploy web --cascade=foreground --timeout=30s")
    assert gone == 'deployment.apps "web" deleted from work namespace\n'
    assert kubectl.run("get pods,rs") == "No resources found in work namespace.\n"


def test_client_side_apply_migrates_to_server_side(kubectl: Shell) -> None:
    kubectl.file("app.yaml", APP)
    kubectl.run("apply -f app.yaml")
    applied = kubectl.run("apply --server-side -f app.yaml")
    assert "deployment.apps/web serverside-applied" in applied
    assert kubectl.run("diff --server-side -f app.yaml") == ""
    other = kubectl.run("label deploy web owner=me --field-manager=other")
    assert other == "deployment.apps/web labeled\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        pytest.param(line, answer, id=line)
        for line, answer in (
            ("create configmap c --from-literal=a=b", "configmap/c created"),
            ("create secret generic s --from-literal=a=b", "secret/s created"),
            ("create serviceaccount robot", "serviceaccount/robot created"),
            ("create role r --verb=get --resource=pods", "created"),
            ("create job j --image=x", "job.batch/j created"),
            ("create cronjob c --image=x --schedule='* * * * *'", "cronjob.batch/c created"),
            ("create ingress i --rule='a.b/*=web:80'", "ingress.networking.k8s.io/i created"),
            ("create pdb p --selector=a=b --min-available=1", "created"),
            ("create quota q --hard=pods=10", "resourcequota/q created"),
            ("create token default", "ey"),
            ("run p --image=busybox", "pod/p created"),
            ("auth can-i delete nodes", "yes"),
            ("auth whoami", "kubernetes-admin"),
            ("explain deploy.spec.replicas", "FIELD: replicas <integer>"),
            ("api-resources", "deployments"),
            ("get --raw /readyz", "ok"),
            ("get all", "No resources found"),
            ("describe serviceaccount default", "Name:                default"),
        )
    ],
)
def test_commands_answer_as_they_do_on_a_real_cluster(
    kubectl: Shell, line: str, answer: str
) -> None:
    assert answer in kubectl.run(line)


def test_custom_resources_are_first_class(kubectl: Shell) -> None:
    kubectl.file("crd.yaml", CRD)
    kubectl.file("thing.yaml", THING)
    kubectl.run("apply -f crd.yaml")
    kubectl.run("wait --for=condition=Established crd/things.example.com --timeout=10s")
    assert kubectl.run("apply -f thing.yaml") == "thing.example.com/one created\n"
    assert re.search(r"^NAME +SIZE\none +3$", kubectl.run("get th"), re.MULTILINE)
    refused = kubectl.run("""patch th one --type=merge -p '{"spec":{"size":"x"}}'""", code=1)
    assert "spec.size" in refused
    kubectl.run("delete crd things.example.com --timeout=30s")


def test_helm_installs_upgrades_rolls_back_and_uninstalls(
    cluster: RunningCluster, tmp_path: Path
) -> None:
    helm = Shell(Path(f"{real_helm()} --namespace default"), cluster, tmp_path)
    helm.file("chart/Chart.yaml", "apiVersion: v2\nname: demo\nversion: 0.1.0\n")
    helm.file("chart/values.yaml", "tag: '1.2'\n")
    helm.file("chart/templates/app.yaml", APP.replace('"nginx:1.2"', "nginx:{{ .Values.tag }}"))
    hook = "{apiVersion: batch/v1, kind: Job, metadata: {name: hook, annotations: {helm.sh/hook: "
    hook += "post-install}}, spec: {template: {spec: {restartPolicy: Never, containers: "
    hook += "[{name: h, image: h}]}}}}"
    helm.file("chart/templates/hook.yaml", hook)
    assert "STATUS: deployed" in helm.run("install demo chart --wait --timeout 40s")
    assert "REVISION: 2" in helm.run("upgrade demo chart --set tag=1.3 --wait --timeout 40s")
    assert "Rollback was a success" in helm.run("rollback demo 1 --wait --timeout 40s")
    assert len(helm.run("history demo").strip().splitlines()) == 4
    assert helm.run("uninstall demo --wait --timeout 40s") == 'release "demo" uninstalled\n'
