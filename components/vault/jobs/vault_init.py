"""Initialises Vault, once. Safe to run repeatedly or concurrently, and to be killed at any time.

A record in Consul, outside Vault's own prefix, has the state of earlier runs:

    Vault               record             action
    not initialised     none or begun      initialise
    initialised         begun              Vault never held data: clear its storage, initialise
    initialised         done, keys stored  change nothing
    anything else                          refuse: docs/runbooks/vault-init-refused.md

The root token is only in this process's memory, the recovery keys there and in Key Vault.
USERS are Pulumi's logins, the one in use first. The last that works creates the first; others are deleted.
Standard library only.
"""

import json
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from calls import RefusedError, Server, kubernetes, refuse, say, secret, trust
from consul_lock import lock
from key_vault_secret import KeyVaultSecret

STATE = "/v1/kv/vault-init/record"
SHARES, THRESHOLD = 5, 3
POLICY = "pulumi"
LOGINS = re.compile(rf"{POLICY}(-\d\d)?")
BAD_REQUEST, FORBIDDEN = 400, 403
REFUSED_RUNBOOK = "vault-init-refused.md"
POLICY_RUNBOOK = "vault-operator-policy.md"


class Init:
    """Clients of Vault's servers, of Consul and of Key Vault."""

    def __init__(self) -> None:
        url = os.environ["CONSUL_URL"]
        self.consul = Server(url, {"X-Consul-Token": secret("consul")}, trust(url))
        self.pods = os.environ["VAULT_PODS"].split()
        self.url = os.environ["VAULT_URL"]
        self.keys = KeyVaultSecret()
        self.users = os.environ["USERS"].split()

    def pod(self, name: str) -> Server:
        url = os.environ["VAULT_POD_URL"].format(name)
        return Server(url, context=trust(url))

    def initialised(self) -> bool:
        """Whether Vault is initialised, from the first server that answers. Waits until one does."""
        waiting = self.pod(self.pods[0])
        while True:
            for name in self.pods:
                try:
                    return bool(self.pod(name).once("GET", "/v1/sys/init")["initialized"])
                except (RefusedError, OSError) as error:
                    problem = error
            waiting.wait(f"no server of Vault answers: {getattr(problem, 'reason', problem)}", problem)

    def record(self) -> dict[str, str]:
        return self.consul.found("GET", f"{STATE}?raw") or {}

    def write_record(self, generation: str, phase: str) -> None:
        self.consul.call("PUT", STATE, {"generation": generation, "phase": phase})

    def run(self) -> None:
        initialised, record = self.initialised(), self.record()
        phase, generation = record.get("phase", "none"), record.get("generation", "")
        if not initialised and phase != "done":
            self.begin()
        elif initialised and phase == "begun":
            say("an earlier run initialised Vault and did not finish: Vault has never stored anything")
            self.clear()
            self.begin()
        elif not initialised:
            refuse("Vault is empty now, although an earlier run finished its initialisation", REFUSED_RUNBOOK)
        elif phase == "none":
            refuse("Vault was initialised, but not by this Job", REFUSED_RUNBOOK)
        elif not self.keys.has({"generation": generation, "state": "stored"}):
            refuse("Vault is in use, but its recovery keys are not in Key Vault", REFUSED_RUNBOOK)
        else:
            say("Vault is initialised")
            self.rotate()

    def begin(self) -> None:
        generation = str(uuid.uuid4())
        self.keys.write("placeholder", {"generation": generation, "state": "begun"})
        say("Key Vault accepts writes")
        self.write_record(generation, "begun")
        say("start recorded in Consul")
        response = self.pod(self.pods[0]).once(
            "PUT", "/v1/sys/init", {"recovery_shares": SHARES, "recovery_threshold": THRESHOLD}
        )
        say("Vault initialised")
        keys = json.dumps({"threshold": THRESHOLD, "keys": response["recovery_keys_base64"]})
        self.keys.write(keys, {"generation": generation, "state": "stored"})
        say("recovery keys stored in Key Vault")
        self.configure(self.server(response["root_token"]))
        self.write_record(generation, "done")
        say("finished")

    def server(self, token: str) -> Server:
        return Server(self.url, {"X-Vault-Token": token}, trust(self.url))

    def configure(self, vault: Server) -> None:
        """Do everything that needs the root token, then revoke it."""
        vault.call("GET", "/v1/sys/health")  # waits until Vault is unsealed
        say("Vault unsealed")
        for name, path in json.loads(os.environ["AUDIT"]).items():
            device = {"type": "file", "options": {"file_path": path}}
            vault.call("PUT", f"/v1/sys/audit/{name}", device)
        say("audit devices enabled")
        vault.call("POST", "/v1/sys/auth/userpass", {"type": "userpass"})
        vault.call("PUT", f"/v1/sys/policies/acl/{POLICY}", {"policy": policy()})
        self.create_login(vault)
        vault.call("POST", "/v1/auth/token/revoke-self")
        say("root token revoked")

    def clear(self) -> None:
        """Delete Vault's data in Consul, and restart its servers, which cache it."""
        self.empty()
        cluster = kubernetes()
        for name in self.pods:
            cluster.found("DELETE", f"{os.environ['POD_PATH']}/{name}")
        for name in self.pods:
            server = self.pod(name)
            while server.call("GET", "/v1/sys/init")["initialized"]:
                server.wait(f"{name} restarts", TimeoutError(f"{name} has not restarted"))
        self.empty()  # the servers may have written until they stopped
        say("Vault's storage cleared, its servers restarted")

    def empty(self) -> None:
        self.consul.call("DELETE", "/v1/kv/vault/?recurse=true")

    def create_login(self, vault: Server) -> None:
        """Create the login in use. Writing it again changes nothing."""
        user = self.users[0]
        body = {"password": secret(user), **json.loads(os.environ["LOGIN"])}
        vault.call("POST", f"/v1/auth/userpass/users/{user}", body)
        say(f"login {user} created")

    def rotate(self) -> None:
        """Create the login in use unless it works, and then delete those of other months.

        Refuses if the policy of the logins differs from operator.hcl, which this Job may not change.
        """
        user, pulumi = self.log_in()
        found = pulumi.call("GET", f"/v1/sys/policies/acl/{POLICY}")["data"]["policy"]
        if found.strip() != policy().strip():
            pulumi.call("POST", "/v1/auth/token/revoke-self")
            refuse(
                "the policy of Pulumi's login in Vault differs from the one in this version of the program",
                POLICY_RUNBOOK,
            )
        if user != self.users[0]:
            self.create_login(pulumi)
            pulumi.call("POST", "/v1/auth/token/revoke-self")
            # What is deleted next must not be needed any more.
            _, pulumi = self.log_in(self.users[:1])
        for old in pulumi.call("LIST", "/v1/auth/userpass/users")["data"]["keys"]:
            if old not in self.users and LOGINS.fullmatch(old):
                pulumi.call("DELETE", f"/v1/auth/userpass/users/{old}")
                say(f"login {old} deleted because its month is over")
        pulumi.call("POST", "/v1/auth/token/revoke-self")
        say("nothing else to do")

    def log_in(self, users: Sequence[str] = ()) -> tuple[str, Server]:
        """The first login that works, and Vault as it sees it."""
        found = next(self.logins(users or self.users), None)
        return found or refuse("Pulumi cannot log in to Vault; in a rotation, set `previous`", POLICY_RUNBOOK)

    def logins(self, users: Sequence[str]) -> Iterator[tuple[str, Server]]:
        """The logins that work."""
        vault = Server(self.url, context=trust(self.url))
        for user in users:
            try:
                answer = vault.call("POST", f"/v1/auth/userpass/login/{user}", {"password": secret(user)})
            except RefusedError as error:
                if error.status not in (BAD_REQUEST, FORBIDDEN):
                    raise
                say(f"{user} cannot log in ({error.status})")
            else:
                yield user, self.server(answer["auth"]["client_token"])


def policy() -> str:
    return (Path(__file__).parent / "operator.hcl").read_text(encoding="utf-8")


def main() -> None:
    init = Init()
    with lock(init.consul, "vault-init/lock"):
        init.run()


if __name__ == "__main__":
    main()
