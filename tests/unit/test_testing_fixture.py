from __future__ import annotations

import json
import urllib.request

from steersman.testing import running_cluster


def test_a_cluster_for_synchronous_tests() -> None:
    with running_cluster() as cluster:
        request = urllib.request.Request(
            f"{cluster.url}/api/v1/namespaces",
            headers={"Authorization": f"Bearer {cluster.token}"},
        )
        with urllib.request.urlopen(request) as answer:
            names = [one["metadata"]["name"] for one in json.load(answer)["items"]]
        assert cluster.kubeconfig_path.read_text() == cluster.kubeconfig
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
