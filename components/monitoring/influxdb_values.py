"""Values of the charts of InfluxDB and Telegraf."""

from typing import Any

from pulumi import Input

from components.kubernetes.charts import INFLUXDB_IMAGE
from components.kubernetes.job import RESTRICTED_CONTAINER, USER
from components.kubernetes.pod_values import resources
from components.monitoring.settings import InfluxDbSettings

URL = "https://influxdb2.monitoring.svc:8086"
CONCOURSE_METRICS = "http://concourse-web-prometheus.concourse.svc:9391/metrics"
"""Headless Service that resolves to the address of every web node."""
INFLUXDB_UID = 1000
"""User id of InfluxDB's image."""
CA_FOLDER = "/etc/telegraf-ca"
KUBERNETES_CA = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"


def influxdb(
    settings: InfluxDbSettings, *, disk: Input[str], auth: Input[str], certificate: Input[str]
) -> dict[str, Any]:
    """Values that differ from the chart's defaults. `auth` and `certificate` are names of Secrets."""
    probe = {"scheme": "HTTPS"}
    return {
        "image": {
            "repository": INFLUXDB_IMAGE.repository,
            "tag": INFLUXDB_IMAGE.tag,
        },  # the default is from 2023
        "adminUser": {
            # Used only with an empty disk. The Job applies later changes.
            "organization": settings.organization,
            "bucket": settings.bucket,
            "retention_policy": f"{settings.retention_seconds}s",
            "existingSecret": auth,
        },
        "env": [
            {"name": "INFLUXD_TLS_CERT", "value": "/tls/tls.crt"},
            {"name": "INFLUXD_TLS_KEY", "value": "/tls/tls.key"},
            {"name": "INFLUXD_REPORTING_DISABLED", "value": "true"},
        ],
        "volumes": [{"name": "tls", "secret": {"secretName": certificate, "defaultMode": 0o440}}],
        "mountPoints": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
        "service": {"port": 8086},
        "persistence": {"storageClass": disk, "size": f"{settings.disk_gb}Gi"},
        "resources": resources(settings.memory, cpu="250m"),
        "livenessProbe": probe,
        "readinessProbe": probe,
        "startupProbe": probe | {"enabled": True, "failureThreshold": 120},  # it reads its index first
        "pdb": {"create": False},  # with a single pod, its node could not be drained
        "securityContext": {
            "runAsUser": INFLUXDB_UID,
            "runAsGroup": INFLUXDB_UID,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def nodes(
    settings: InfluxDbSettings, *, password: Input[str], ca: Input[str], config_checksum: Input[str]
) -> dict[str, Any]:
    """Values of Telegraf on every node.

    `password` names a Secret, `ca` a ConfigMap; `config_checksum` changes whenever either of them does.
    """
    return {
        **_shared(ca=ca, config_checksum=config_checksum),
        "env": [
            _from_node("HOSTNAME", "spec.nodeName"),
            _from_node("HOSTIP", "status.hostIP"),
            {"name": "HOST_PROC", "value": "/hostfs/proc"},
            {"name": "HOST_SYS", "value": "/hostfs/sys"},
            {"name": "HOST_MOUNT_PREFIX", "value": "/hostfs"},
            _password(password),
        ],
        "serviceAccount": {"create": False, "name": "telegraf-ds"},
        "rbac": {"create": False},  # the chart's role may run commands in every pod (nodes/proxy)
        "tolerations": [{"operator": "Exists"}],  # runs on every node
        "resources": {
            "requests": {"cpu": "50m", "memory": "256Mi"},
            "limits": {"cpu": None, "memory": "256Mi"},  # the chart sets a CPU limit
        },
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "config": _config(settings)
        | {
            "inputs": [
                {"cpu": {"percpu": False, "totalcpu": True, "report_active": True}},
                {"disk": {"ignore_fs": ["tmpfs", "devtmpfs", "devfs", "iso9660", "overlay", "squashfs"]}},
                {"diskio": {}},
                {"kernel": {}},
                {"mem": {}},
                {"net": {}},
                {"processes": {}},
                {"system": {}},
                {
                    "kubernetes": {
                        "url": "https://$HOSTIP:10250",
                        "bearer_token": "/var/run/secrets/kubernetes.io/serviceaccount/token",
                        "tls_ca": KUBERNETES_CA,
                    }
                },
            ],
        },
    }


def concourse(
    settings: InfluxDbSettings, *, password: Input[str], ca: Input[str], config_checksum: Input[str]
) -> dict[str, Any]:
    """Values of the single Telegraf that scrapes Concourse."""
    return {
        **_shared(ca=ca, config_checksum=config_checksum),
        "env": [{"name": "HOSTNAME", "value": "telegraf"}, _password(password)],
        "service": {"enabled": False},
        "rbac": {"create": False},  # it does not use the Kubernetes API
        "pdb": {"create": False},
        "resources": resources("256Mi", cpu="50m"),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": RESTRICTED_CONTAINER,
        "config": _config(settings)
        | {
            "processors": [],
            "inputs": [{"prometheus": {"kubernetes_services": [CONCOURSE_METRICS], "metric_version": 2}}],
        },
        "metrics": {"internal": {"enabled": False}},
    }


def _shared(*, ca: Input[str], config_checksum: Input[str]) -> dict[str, Any]:
    return {
        "podAnnotations": {"checksum/config": config_checksum},
        "volumes": [{"name": "influxdb-ca", "configMap": {"name": ca}}],
        "mountPoints": [{"name": "influxdb-ca", "mountPath": CA_FOLDER, "readOnly": True}],
    }


def _config(settings: InfluxDbSettings) -> dict[str, Any]:
    return {
        "agent": {
            "interval": f"{settings.interval_seconds}s",
            "flush_interval": f"{settings.interval_seconds}s",
            "flush_jitter": "5s",  # so that the nodes do not all write at once
        },
        "outputs": [
            {
                # User and password of the version 1 API: version 2 tokens cannot be set to a chosen value.
                "influxdb": {
                    "urls": [URL],
                    "database": settings.bucket,
                    "skip_database_creation": True,
                    "username": "telegraf",
                    "password": "$INFLUXDB_PASSWORD",
                    "tls_ca": f"{CA_FOLDER}/ca.crt",
                }
            }
        ],
    }


def _password(secret: Input[str]) -> dict[str, Any]:
    return {
        "name": "INFLUXDB_PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": secret, "key": "password"}},
    }


def _from_node(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
