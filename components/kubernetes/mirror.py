"""Images from a mirror: one setting rewrites the image of every release and Job.

A mirror holds each image under the name of its registry: `MIRROR/quay.io/prometheus/prometheus`, and
`MIRROR/docker.io/library/python` for one that Docker Hub calls `python`. So one rule of a pull-through cache
serves a whole registry (`quay.io/*`), and no two images collide.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pulumi import ResourceTransformationArgs, ResourceTransformationResult

from components.kubernetes.charts import name_of

RELEASE = "kubernetes:helm.sh/v3:Release"
REGISTRY = re.compile(r"[^/]+[.:][^/]*/|localhost/")
"""The host before an image's first slash (github.com/distribution/reference, normalize.go)."""
CHARTS: Mapping[str, Mapping[str, str]] = {
    # chart → value → what the chart, or its operator, takes images from by default. {version} is the chart's.
    "cert-manager": {"imageRegistry": "quay.io"},
    "chartmuseum": {"image.repository": "ghcr.io/helm/chartmuseum"},
    "concourse": {"image": "concourse/concourse"},
    "consul": {
        "global.image": "hashicorp/consul:{version}",
        "global.imageK8S": "hashicorp/consul-k8s-control-plane:{version}",
    },
    # The operator's own, and those of Elasticsearch and Kibana.
    "eck-operator": {
        "image.repository": "docker.elastic.co/eck/eck-operator",
        "config.containerRegistry": "docker.elastic.co",
    },
    "elastalert2": {"image.repository": "jertel/elastalert2"},
    "fluent-bit": {"image.repository": "cr.fluentbit.io/fluent/fluent-bit"},
    "grafana": {"image.registry": "docker.io", "sidecar.image.registry": "quay.io"},
    "influxdb2": {"image.repository": "influxdb"},
    "kube-prometheus-stack": {
        "alertmanager.alertmanagerSpec.image.registry": "quay.io",
        "prometheus.prometheusSpec.image.registry": "quay.io",
        "prometheusOperator.image.registry": "quay.io",
        "prometheusOperator.prometheusConfigReloader.image.registry": "quay.io",
        "prometheusOperator.thanosImage.registry": "quay.io",
        "kube-state-metrics.image.registry": "registry.k8s.io",
        "prometheus-node-exporter.image.registry": "quay.io",
    },
    "telegraf": {"image.repo": "telegraf"},
    "telegraf-ds": {"image.repo": "telegraf"},
    "traefik": {"image.registry": "docker.io/library"},
    "vault": {"server.image.repository": "hashicorp/vault"},
}
WITHOUT_IMAGES = ("eck-elasticsearch", "eck-kibana", "prometheus-operator-crds")
"""Charts that name no image: of resources whose pods an operator makes."""
Transformation = Callable[[ResourceTransformationArgs], ResourceTransformationResult | None]


def mirrored(image: str, mirror: str) -> str:
    """The name of an image, or of a registry, in the mirror."""
    if image.startswith(f"{mirror}/"):
        return image
    if "/" in image or ":" in image:
        host = REGISTRY.match(image)
        path = image if host else f"docker.io/{image}" if "/" in image else f"docker.io/library/{image}"
        return f"{mirror}/{path}"
    return f"{mirror}/{image}" if "." in image else f"{mirror}/docker.io/library/{image}"


def from_mirror(mirror: str) -> Transformation:
    """Rewrites the images of everything that the program puts into the cluster."""

    def rewrite(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if not args.type_.startswith("kubernetes:"):
            return None
        props = _rewritten(args.props, mirror)
        if args.type_ == RELEASE:
            version = str(args.props["version"])
            for path, image in CHARTS.get(name_of(str(args.props["chart"]), version), {}).items():
                named = image.format(version=version.removeprefix("v"))
                props["values"] = _set(props["values"], path.split("."), mirrored(named, mirror))
        return ResourceTransformationResult(props, args.opts)

    return rewrite


def _rewritten(value: Any, mirror: str) -> Any:
    """A copy in which every `image` of a container comes from the mirror."""
    if isinstance(value, Mapping):
        return {
            key: mirrored(item, mirror)
            if key == "image" and isinstance(item, str)
            else _rewritten(item, mirror)
            for key, item in value.items()
        }
    return [_rewritten(item, mirror) for item in value] if isinstance(value, list) else value


def _set(values: Mapping[str, Any], path: list[str], value: str) -> dict[str, Any]:
    first, *rest = path
    return {**values, first: _set(values.get(first) or {}, rest, value) if rest else value}
