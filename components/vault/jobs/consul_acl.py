"""Creates and updates Consul's policies and tokens. Idempotent.

Reads POLICIES (a JSON object: name → rules), EPOCHS (months), the token of each policy and epoch in
/secrets/<name>-<epoch>, and the management token in /secrets/bootstrap. Deletes the tokens of other epochs.
"""

import json
import os
import uuid
from typing import Any

from calls import RefusedError, Server, say, secret, trust

FORBIDDEN = 403


def accessor(description: str) -> str:
    """A token's accessor id. It is derived from the token's description, so every run finds the token."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"platform/consul/{description}"))


def main() -> None:
    url = os.environ["CONSUL_URL"]
    consul = Server(url, {"X-Consul-Token": secret("bootstrap")}, trust(url))
    # Every token is unknown until the ACLs are bootstrapped.
    consul.call("GET", "/v1/acl/token/self", also=(FORBIDDEN,))
    epochs = os.environ["EPOCHS"].split()
    for name, rules in json.loads(os.environ["POLICIES"]).items():
        policy(consul, name, rules)
        for epoch in epochs:
            token(consul, name, epoch)
    for found in consul.call("GET", "/v1/acl/tokens"):
        delete_if_old(consul, found, epochs)
    say("done")


def policy(consul: Server, name: str, rules: str) -> None:
    body = {"Name": name, "Rules": rules, "Description": "Managed by Pulumi"}
    found = consul.found("GET", f"/v1/acl/policy/name/{name}")
    if found is None:
        consul.call("PUT", "/v1/acl/policy", body)
        say(f"policy {name}: created")
    elif found["Rules"] != rules:
        consul.call("PUT", f"/v1/acl/policy/{found['ID']}", {**body, "ID": found["ID"]})
        say(f"policy {name}: updated")


def token(consul: Server, name: str, epoch: str) -> None:
    description = f"{name}-{epoch}"
    wanted, id_ = secret(description), accessor(description)
    policies = [{"Name": name}]
    found = existing(consul, id_)
    if found and found["SecretID"] != wanted:
        # A token's secret cannot be changed, so the token is replaced.
        consul.call("DELETE", f"/v1/acl/token/{id_}")
        say(f"token {description}: deleted because its secret has changed")
        found = None
    if not found:
        body = {"AccessorID": id_, "SecretID": wanted, "Description": description, "Policies": policies}
        consul.call("PUT", "/v1/acl/token", body)
        say(f"token {description}: created")
    elif [each["Name"] for each in found.get("Policies") or ()] != [name]:
        # A token loses a policy for good when the policy is deleted, even if it is created again.
        consul.call("PUT", f"/v1/acl/token/{id_}", {"Description": description, "Policies": policies})
        say(f"token {description}: policies restored")


def delete_if_old(consul: Server, found: Any, epochs: list[str]) -> None:
    """Delete a token of this Job whose epoch is over. Others' tokens have other accessor ids."""
    id_, description = found["AccessorID"], found["Description"]
    if id_ == accessor(description) and not description.endswith(tuple(f"-{epoch}" for epoch in epochs)):
        consul.call("DELETE", f"/v1/acl/token/{id_}")
        say(f"token {description}: deleted because its epoch is over")


def existing(consul: Server, id_: str) -> Any:
    """The token, or None. Some versions of Consul answer 403 for a missing token."""
    try:
        return consul.found("GET", f"/v1/acl/token/{id_}")
    except RefusedError as error:
        if error.status == FORBIDDEN and "not found" in str(error).lower():
            return None
        raise


if __name__ == "__main__":
    main()
