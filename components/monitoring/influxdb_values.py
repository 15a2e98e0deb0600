"""What InfluxDB and Telegraf are told, as their charts take it."""

from typing import Any

from pulumi import Input

from components.kubernetes.charts import INFLUXDB
from components.kubernetes.pod_values import resources
from components.monitoring.settings import InfluxDbSettings

URL = "https://influxdb2.monitoring.svc:8086"
CONCOURSE = "http://concourse-web-prometheus.concourse.svc:9391/metrics"
"""Leads to every web node, each under its own address."""
USER = 1000
"""Of InfluxDB's image."""
NOBODY = 65534
CA = "/etc/telegraf-ca"
KUBERNETES_CA = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"


def influxdb(
    settings: InfluxDbSettings, *, disk: Input[str], auth: Input[str], certificate: Input[str]
) -> dict[str, Any]:
    """What differs from the chart's defaults. `auth` and `certificate` are Secrets."""
    probe = {"scheme": "HTTPS"}
    return {
        "image": {"repository": INFLUXDB.repository, "tag": INFLUXDB.tag},  # the chart's own is of 2023
        "adminUser": {
            # Only for an empty disk. What may change later, the Job changes.
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
        "pdb": {"create": False},  # of one pod: no node could be drained
        "securityContext": {
            "runAsUser": USER,
            "runAsGroup": USER,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def nodes(
    settings: InfluxDbSettings, *, password: Input[str], ca: Input[str], stamp: Input[str]
) -> dict[str, Any]:
    """Of Telegraf on every node. `password` is a Secret, `ca` a ConfigMap, `stamp` changes with both."""
    return {
        **_both(ca=ca, stamp=stamp),
        "env": [
            _from_node("HOSTNAME", "spec.nodeName"),
            _from_node("HOSTIP", "status.hostIP"),
            {"name": "HOST_PROC", "value": "/hostfs/proc"},
            {"name": "HOST_SYS", "value": "/hostfs/sys"},
            {"name": "HOST_MOUNT_PREFIX", "value": "/hostfs"},
            _password(password),
        ],
        "serviceAccount": {"create": False, "name": "telegraf-ds"},
        "rbac": {"create": False},  # the chart's may run commands in every pod (nodes/proxy)
        "tolerations": [{"operator": "Exists"}],  # every node is watched
        "resources": {
            "requests": {"cpu": "50m", "memory": "256Mi"},
            "limits": {"cpu": None, "memory": "256Mi"},  # the chart has a limit
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
    settings: InfluxDbSettings, *, password: Input[str], ca: Input[str], stamp: Input[str]
) -> dict[str, Any]:
    """Of the one Telegraf that asks Concourse."""
    return {
        **_both(ca=ca, stamp=stamp),
        "env": [{"name": "HOSTNAME", "value": "telegraf"}, _password(password)],
        "service": {"enabled": False},
        "rbac": {"create": False},  # it asks nothing of Kubernetes
        "pdb": {"create": False},
        "resources": resources("256Mi", cpu="50m"),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "config": _config(settings)
        | {
            "processors": [],
            "inputs": [{"prometheus": {"kubernetes_services": [CONCOURSE], "metric_version": 2}}],
        },
        "metrics": {"internal": {"enabled": False}},
    }


def _both(*, ca: Input[str], stamp: Input[str]) -> dict[str, Any]:
    return {
        "podAnnotations": {"checksum/config": stamp},
        "volumes": [{"name": "influxdb-ca", "configMap": {"name": ca}}],
        "mountPoints": [{"name": "influxdb-ca", "mountPath": CA, "readOnly": True}],
    }


def _config(settings: InfluxDbSettings) -> dict[str, Any]:
    return {
        "agent": {
            "interval": f"{settings.interval_seconds}s",
            "flush_interval": f"{settings.interval_seconds}s",
            "flush_jitter": "5s",  # not all nodes at once
        },
        "outputs": [
            {
                # By user and password, as version 1 had it: tokens of version 2 cannot be chosen.
                "influxdb": {
                    "urls": [URL],
                    "database": settings.bucket,
                    "skip_database_creation": True,
                    "username": "telegraf",
                    "password": "$INFLUXDB_PASSWORD",
                    "tls_ca": f"{CA}/ca.crt",
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
