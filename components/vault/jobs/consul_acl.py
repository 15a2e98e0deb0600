"""Creates and updates Consul's policies and tokens. Idempotent.

Reads POLICIES (a JSON object: name → rules), the token of each policy in /secrets/<name>, and the management
token in /secrets/bootstrap.
"""

import json
import os
import uuid
from typing import Any

from calls import RefusedError, Server, say, secret, trust

FORBIDDEN = 403


def accessor(name: str) -> str:
    """The accessor id of a policy's token. It is derived from the name, so every run finds the token."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"platform/consul/{name}"))


def main() -> None:
    url = os.environ["CONSUL_URL"]
    consul = Server(url, {"X-Consul-Token": secret("bootstrap")}, trust(url))
    # Every token is unknown until the ACLs are bootstrapped.
    consul.call("GET", "/v1/acl/token/self", also=(FORBIDDEN,))
    for name, rules in json.loads(os.environ["POLICIES"]).items():
        policy(consul, name, rules)
        token(consul, name)
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


def token(consul: Server, name: str) -> None:
    wanted, id_ = secret(name), accessor(name)
    policies = [{"Name": name}]
    found = existing(consul, id_)
    if found and found["SecretID"] != wanted:
        # A token's secret cannot be changed, so the token is replaced.
        consul.call("DELETE", f"/v1/acl/token/{id_}")
        say(f"token {name}: deleted because its secret has changed")
        found = None
    if not found:
        body = {"AccessorID": id_, "SecretID": wanted, "Description": name, "Policies": policies}
        consul.call("PUT", "/v1/acl/token", body)
        say(f"token {name}: created")
    elif [each["Name"] for each in found.get("Policies") or ()] != [name]:
        # A token loses a policy for good when the policy is deleted, even if it is created again.
        consul.call("PUT", f"/v1/acl/token/{id_}", {"Description": name, "Policies": policies})
        say(f"token {name}: policies restored")


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
