"""The Secret with the web nodes' confidential configuration."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pulumi import Input, Output, Resource

from components.concourse.database_role import DatabaseLogin
from components.concourse.keys import ConcourseKeys, key_lines
from components.entra import OidcClient
from components.kubernetes.secret import secret


@dataclass(frozen=True)
class VaultLogin:
    """How Concourse logs in to Vault."""

    url: Input[str]
    """Vault's URL; known once Vault accepts Concourse's login."""
    server_name: str
    """Server name in Vault's certificate."""
    ca: Input[str]
    """PEM of the CA that signs the certificate."""
    parameters: Input[str]
    """`role_id:…,secret_id:…`; secret."""


def web_secret(
    *,
    keys: ConcourseKeys,
    rotating: bool,
    users: Input[str],
    database: DatabaseLogin,
    login: OidcClient,
    vault: VaultLogin | None,
    shared: Iterable[str],
    teams: Mapping[str, Iterable[str]],
) -> dict[str, Input[str]]:
    """Content of the Secret, under the keys that the chart expects.

    `shared` are the pools shared by all teams, `teams` each team's own pools.
    """
    found: dict[str, Input[str]] = {
        "host-key": keys.host.private,
        "session-signing-key": keys.session.private,
        "worker-key-pub": _lines(keys, shared),
        "local-users": users,
        "postgresql-user": database.user,
        "postgresql-password": database.password,
        "postgresql-ca-cert": database.ca_certificates,
        # The chart mounts them even if they are not used.
        "postgresql-client-cert": "",
        "postgresql-client-key": "",
        "encryption-key": keys.encryption,
        "oidc-client-id": login.client_id,
        "oidc-client-secret": login.secret,
    }
    if rotating:
        found["old-encryption-key"] = keys.previous
    for team, pools in teams.items():
        found[f"{team}-team-authorized-key"] = _lines(keys, pools)
    if vault:
        found |= {"vault-ca-cert": vault.ca, "vault-client-auth-param": vault.parameters}
    return found


def _lines(keys: ConcourseKeys, pools: Iterable[str]) -> Output[str]:
    return key_lines(key for pool in pools for key in keys.pool_keys[pool])


def checksummed_secret(
    name: str, data: Mapping[str, Input[str]], *, namespace: Input[str], parent: Resource
) -> Output[str]:
    """Create the Secret. Returns a checksum of its content, known once the Secret exists.

    The chart does not see the content, so without the checksum its pods would not restart on a change.
    """
    confidential = {key: Output.secret(value) for key, value in data.items()}
    content = Output.all(secret(name, confidential, namespace=namespace, parent=parent), Output.all(**data))
    # The content includes long random keys, so the checksum cannot be reversed by brute force.
    checksum = content.apply(
        lambda all_: hashlib.sha256(json.dumps(all_, sort_keys=True).encode()).hexdigest()
    )
    return Output.unsecret(checksum)
