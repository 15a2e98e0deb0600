"""Who may do what in Elasticsearch. Its own superuser is turned off; each of these has what it needs."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from components.kubernetes.generated_secrets import password

CONTAINERS, AUDIT = "containers", "audit"
"""The data streams."""
ALERTS = "elastalert*"
"""What ElastAlert2 remembers of its alerts."""


def _on(names: list[str], *privileges: str) -> dict[str, Any]:
    return {"names": names, "privileges": list(privileges)}


ROLES: Mapping[str, Mapping[str, Any]] = {
    # It writes and does not read, change or delete: what is once in stays until it is too old.
    "writer": {"indices": [_on([CONTAINERS, AUDIT], "create_doc", "auto_configure")]},
    "index-admin": {
        "cluster": ["manage_index_templates", "monitor"],
        "indices": [_on([CONTAINERS, AUDIT], "manage")],
    },
    "elastalert_login": {
        "cluster": ["monitor"],
        "indices": [_on([CONTAINERS, AUDIT], "read", "view_index_metadata"), _on([ALERTS], "all")],
    },
    "grafana-reader": {"indices": [_on([CONTAINERS], "read", "view_index_metadata")]},
    "reader": {"indices": [_on([CONTAINERS, AUDIT], "read", "view_index_metadata")]},
}
USERS: Mapping[str, str] = {
    "fluent-bit": "writer",
    "logs-setup": "index-admin",
    "elastalert": "elastalert_login",
    "grafana": "grafana-reader",
    "operator": "reader,kibana_admin",
}
"""Roles by user. `operator` is for people: without a licence Kibana knows no single sign-on."""


class Access(NamedTuple):
    """The users' Secrets, as Elasticsearch's operator takes them, and their passwords."""

    secrets: Mapping[str, Output[str]]
    passwords: Mapping[str, Output[str]]
    roles: Output[str]
    """The Secret of the roles."""


def access(namespace: Input[str], *, rotation: str, parent: Resource) -> Access:
    """Make every user's password, and the Secrets."""
    child = ResourceOptions(parent=parent)
    passwords = {user: password(f"elasticsearch-{user}", parent=parent, rotation=rotation) for user in USERS}
    secrets = {
        user: k8s.core.v1.Secret(
            f"elasticsearch-{user}",
            metadata={"name": f"elasticsearch-{user}", "namespace": namespace},
            type="kubernetes.io/basic-auth",
            string_data={"username": user, "password": passwords[user], "roles": roles},
            opts=child,
        ).metadata.name
        for user, roles in USERS.items()
    }
    roles = k8s.core.v1.Secret(
        "elasticsearch-roles",
        metadata={"name": "elasticsearch-roles", "namespace": namespace},
        string_data={"roles.yml": json.dumps(ROLES, indent=2)},  # JSON, which is YAML
        opts=child,
    )
    return Access(secrets, passwords, roles.metadata.name)
