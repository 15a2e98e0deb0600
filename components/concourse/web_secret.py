"""The Secret that the chart reads what web nodes are not to show."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.concourse.database_role import DatabaseLogin
from components.concourse.keys import ConcourseKeys
from components.entra import OidcClient


@dataclass(frozen=True)
class VaultLogin:
    """How Concourse gets secrets of Vault's."""

    url: Input[str]
    """Known once Vault knows Concourse."""
    server_name: str
    """In the certificate of Vault's server."""
    ca: Input[str]
    """PEM of whom that certificate is signed by."""
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
    """What is in it, under the chart's own keys.

    `shared` are the pools for everybody, `teams` those of each team that has its own.
    """
    found: dict[str, Input[str]] = {
        "host-key": keys.host.private,
        "session-signing-key": keys.session.private,
        "worker-key-pub": _lines(keys, shared),
        "local-users": users,
        "postgresql-user": database.user,
        "postgresql-password": database.password,
        "postgresql-ca-cert": database.ca_certificates,
        # Mounted whether used or not.
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
    """Public keys in the form of an authorized_keys file."""
    return Output.all(*(keys.pools[pool].public for pool in pools)).apply(
        lambda lines: "".join(f"{str(line).strip()}\n" for line in lines)
    )


def checksummed_secret(
    name: str, data: Mapping[str, Input[str]], *, namespace: Input[str], opts: ResourceOptions
) -> Output[str]:
    """Make the Secret, and a text that is another whenever its content is; known once it is there.

    The chart does not see the content, so its pods would go on with what they started with.
    """
    secret = k8s.core.v1.Secret(
        name,
        metadata={"name": name, "namespace": namespace},
        string_data={key: Output.secret(value) for key, value in data.items()},
        opts=opts,
    )
    content = Output.all(secret.metadata.name, Output.all(**data))
    # Long random keys are among it, so nobody finds out by trying.
    checksum = content.apply(
        lambda all_: hashlib.sha256(json.dumps(all_, sort_keys=True).encode()).hexdigest()
    )
    return Output.unsecret(checksum)
