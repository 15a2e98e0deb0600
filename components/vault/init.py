"""Initialises Vault: stores the recovery keys, revokes the root token, creates Pulumi's login."""

import json
from pathlib import Path

from pulumi import Input, Output, ResourceOptions

from components.azure import RECOVERY, Seal
from components.azure.identity import VAULT_INIT_ACCOUNT
from components.certificates import ca_bundle
from components.component import Component
from components.config.rotation import of_epoch
from components.kubernetes import generated_secrets as generated
from components.kubernetes.accounts import allow, service_account
from components.kubernetes.context import ClusterContext
from components.kubernetes.job import CALLS, checksum, python_job
from components.kubernetes.secret import secret
from components.vault.policy_documents import LOGIN, login_of, operator
from components.vault.server import Vault
from components.vault.settings import OperatorSettings
from components.vault.values import ACTIVE, AUDIT_LOG, PORT

JOBS = Path(__file__).parent / "jobs"

AUDIT_DEVICES = {
    # Two devices, because Vault refuses requests when it can write to none.
    "file": AUDIT_LOG,
    "stdout": "stdout",
}


class VaultInit(Component):
    """A Job that initialises Vault. Later runs verify its state, and rotate Pulumi's login."""

    user: str
    """User with which Pulumi logs in to configure Vault."""
    password: Output[str]
    """Password of `user`; secret."""
    done: Output[str]
    """Known once Vault is initialised."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: OperatorSettings,
        vault: Vault,
        ctx: ClusterContext,
        *,
        consul: Output[str],
        consul_token: Output[str],
        seal: Seal,
        client_id: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`consul` is Consul's URL, `client_id` an identity that may write the recovery keys to Key Vault."""
        super().__init__(name, opts)
        namespace = ctx.namespaces["vault"]
        users = [login_of(epoch) for epoch in settings.epochs]
        passwords = {
            user: generated.password(of_epoch(f"{name}-operator", epoch), parent=self)
            for user, epoch in zip(users, settings.epochs, strict=True)
        }
        self.user, self.password = users[0], passwords[users[0]]
        # The Job restarts the servers after it has cleared their storage, because they cache its state.
        rules = vault.pods.apply(
            lambda pods: [
                {"apiGroups": [""], "resources": ["pods"], "resourceNames": list(pods), "verbs": ["delete"]}
            ]
        )
        account = service_account(
            VAULT_INIT_ACCOUNT.name, namespace=namespace, client_id=client_id, parent=self
        )
        secrets: dict[str, Input[str]] = {
            "consul": consul_token, "user": self.user, "password": self.password, **passwords
        }  # fmt: skip
        self.done = python_job(
            name,
            namespace=namespace,
            script=JOBS / "vault_init.py",
            modules=(CALLS, JOBS / "consul_lock.py", JOBS / "key_vault_secret.py"),
            extra_files={"operator.hcl": operator()},
            environment={
                "CONSUL_URL": consul,
                "VAULT_PODS": vault.pods.apply(" ".join),
                "VAULT_POD_URL": f"https://{{}}.vault-internal.vault.svc:{PORT}",
                "VAULT_URL": f"https://{ACTIVE}:{PORT}",
                "KEY_VAULT_URL": seal.vault.apply(lambda vault_name: f"https://{vault_name}.vault.azure.net"),
                "KEY_VAULT_SECRET": RECOVERY,
                "POD_PATH": Output.concat("/api/v1/namespaces/", namespace, "/pods"),
                "AUDIT": json.dumps(AUDIT_DEVICES),
                "USERS": " ".join(users),
                "LOGIN": json.dumps(
                    {parameter: allowed[0] for parameter, allowed in LOGIN.items() if allowed}
                ),
            },
            secrets=secret(name, secrets, namespace=namespace, parent=self),
            checksum=checksum(*secrets.values()),
            ca=ca_bundle(f"{name}-ca", ctx.trust, namespace=namespace, parent=self),
            account=allow(name, account, rules, namespace=namespace, parent=self),
            labels={"azure.workload.identity/use": "true"},
            minutes=20,
            parent=self,
        )
        self.register_outputs({"done": self.done})
