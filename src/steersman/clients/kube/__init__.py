"""The Kubernetes API as a client sees it.

Pure parts: :mod:`requests <steersman.clients.kube.request>` are built and answers
:mod:`read <steersman.clients.kube.response>` without I/O. :mod:`~steersman.clients.kube.transport`
does the I/O and translates foreign errors; :mod:`~steersman.clients.kube.client` joins them. Start
at :class:`~steersman.clients.kube.client.KubeClient`.

What goes wrong is either an :class:`~steersman.objects.apistatus.ApiError`, the API's own answer,
or a :class:`~steersman.errors.NetworkFailed`, no answer at all.
"""

from steersman.clients.kube.client import KubeClient
from steersman.clients.kube.connection import Connection
from steersman.clients.kube.discovery import NoMatch
from steersman.clients.kube.kubeconfig import parse_kubeconfig
from steersman.clients.kube.request import PatchType
from steersman.clients.kube.response import ObjectList, WatchEvent, WatchType

__all__ = [
    "Connection",
    "KubeClient",
    "NoMatch",
    "ObjectList",
    "PatchType",
    "WatchEvent",
    "WatchType",
    "parse_kubeconfig",
]
