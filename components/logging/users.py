"""Users and roles of Elasticsearch, each with minimal privileges. The built-in superuser is disabled."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from components.kubernetes.generated_secrets import password

CONTAINERS, AUDIT = "containers", "audit"
"""Names of the data streams."""
ALERTS = "elastalert*"
"""Indices in which ElastAlert2 stores the state of its alerts."""


def _on(names: list[str], *privileges: str) -> dict[str, Any]:
    return {"names": names, "privileges": list(privileges)}


ROLES: Mapping[str, Mapping[str, Any]] = {
    # May write, but not read, change or delete: entries stay until their retention ends.
    "writer": {"indices": [_on([CONTAINERS, AUDIT], "create_doc", "auto_configure")]},
    "index-admin": {
        "cluster": ["manage_index_templates", "monitor"],
        "indices": [_on([CONTAINERS, AUDIT], "manage")],
    },
    "elastalert-user": {
        "cluster": ["monitor"],
        "indices": [_on([CONTAINERS, AUDIT], "read", "view_index_metadata"), _on([ALERTS], "all")],
    },
    "grafana-reader": {"indices": [_on([CONTAINERS], "read", "view_index_metadata")]},
    "reader": {"indices": [_on([CONTAINERS, AUDIT], "read", "view_index_metadata")]},
}
USERS: Mapping[str, str] = {
    "fluent-bit": "writer",
    "logs-setup": "index-admin",
    "elastalert": "elastalert-user",
    "grafana": "grafana-reader",
    "operator": "reader,kibana_admin",
}
"""Roles by user. `operator` is for people: Kibana has no single sign-on without a licence."""


class Access(NamedTuple):
    """The users' Secrets, in the format of Elasticsearch's operator, and their passwords."""

    secrets: Mapping[str, Output[str]]
    passwords: Mapping[str, Output[str]]
    roles: Output[str]
    """Name of the Secret that defines the roles."""


def access(namespace: Input[str], *, rotation: str, parent: Resource) -> Access:
    """Create the users' passwords, their Secrets and the Secret of the roles."""
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
        string_data={"roles.yml": json.dumps(ROLES, indent=2)},  # JSON is valid YAML
        opts=child,
    )
    return Access(secrets, passwords, roles.metadata.name)
