"""Vault's first hour: initialised, its keys put away, its root token dead, and a login for Pulumi left."""

import json
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Output, ResourceOptions

from components.azure.identity import VAULT_INIT
from components.azure.key_vault import RECOVERY, Seal
from components.certificates.internal_ca import ca_bundle
from components.component import Component, after
from components.kubernetes import generated_secrets as generated
from components.kubernetes.context import CaTrust
from components.kubernetes.job import CALLS, checksum, python_job
from components.vault.policy_documents import USER, operator
from components.vault.server import Vault
from components.vault.values import ACTIVE, AUDIT_LOG, PORT

JOBS = Path(__file__).parent / "jobs"

AUDIT = {
    # Two of them: Vault stops answering when it can write to none.
    "file": AUDIT_LOG,
    "stdout": "stdout",
}


class VaultInit(Component):
    """A Job that initialises Vault once, and afterwards only looks."""

    user: str
    password: Output[str]
    """Of the operator's login, secret. It does what `credentials` declares."""
    done: Output[str]
    """Known once Vault is initialised."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        vault: Vault,
        *,
        namespace: Output[str],
        trust: CaTrust,
        consul: Output[str],
        token: Output[str],
        seal: Seal,
        identity: Output[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`consul` is its address, `token` for it; `identity` is the client id that may write the keys."""
        super().__init__(name, opts)
        self.user, self.password = USER, generated.password(f"{name}-operator", parent=self)
        account = k8s.core.v1.ServiceAccount(
            name,
            metadata={
                "name": VAULT_INIT.name,
                "namespace": namespace,
                "annotations": {"azure.workload.identity/client-id": identity},
            },
            automount_service_account_token=False,
            opts=self.child,
        )
        where = {"name": name, "namespace": namespace}
        role = k8s.rbac.v1.Role(
            name,
            metadata=where,
            # A server remembers what it was before its storage was cleared.
            rules=vault.pods.apply(
                lambda pods: [
                    {
                        "apiGroups": [""],
                        "resources": ["pods"],
                        "resourceNames": list(pods),
                        "verbs": ["delete"],
                    }
                ]
            ),
            opts=self.child,
        )
        bound = k8s.rbac.v1.RoleBinding(
            name,
            metadata=where,
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata.name},
            subjects=[{"kind": "ServiceAccount", "name": VAULT_INIT.name, "namespace": namespace}],
            opts=self.child,
        )
        secrets = k8s.core.v1.Secret(
            name, metadata=where, string_data={"consul": token, "password": self.password}, opts=self.child
        )
        job = python_job(
            name,
            namespace=namespace,
            script=JOBS / "vault_init.py",
            modules=(CALLS, JOBS / "consul_lock.py", JOBS / "key_vault_secret.py"),
            extra_files={"operator.hcl": operator()},
            environment={
                "CONSUL_URL": consul.apply(lambda address: f"https://{address}"),
                "VAULT_PODS": vault.pods.apply(" ".join),
                "VAULT_POD_URL": f"https://{{}}.vault-internal.vault.svc:{PORT}",
                "VAULT_URL": f"https://{ACTIVE}:{PORT}",
                "KEY_VAULT_URL": seal.vault.apply(lambda called: f"https://{called}.vault.azure.net"),
                "KEY_VAULT_SECRET": RECOVERY,
                "POD_PATH": namespace.apply(lambda called: f"/api/v1/namespaces/{called}/pods"),
                "AUDIT": json.dumps(AUDIT),
            },
            secrets=secrets.metadata.name,
            checksum=checksum(token, self.password),
            ca=ca_bundle(f"{name}-ca", trust, namespace=namespace, parent=self),
            account=after(account.metadata.name, bound.metadata.name),
            labels={"azure.workload.identity/use": "true"},
            minutes=20,
            parent=self,
        )
        self.done = job
        self.register_outputs({"done": self.done})
