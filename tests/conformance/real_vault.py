"""A real Vault behind the simulated one: the requests of the real provider, with the program's login."""

import json
import re
from collections.abc import Mapping

from rehearsal.properties import Props
from rehearsal.resource_types import Request
from tests.conformance.http_server import Server

ROLE = "auth/{backend}/role/{roleName}"
PATHS: dict[str, tuple[str, str, Mapping[str, tuple[str, str]]]] = {
    # type: (where it is written, where it is changed, output: (where it is read, under which key))
    "vault:index/mount:Mount": (
        "sys/mounts/{path}", "sys/mounts/{path}/tune", {"accessor": ("sys/mounts/{path}", "accessor")}),
    "vault:index/policy:Policy": ("sys/policies/acl/{name}", "sys/policies/acl/{name}", {}),
    "vault:index/authBackend:AuthBackend": (
        "sys/auth/{path}", "sys/mounts/auth/{path}/tune",
        {"accessor": ("sys/mounts/auth/{path}", "accessor")}),
    "vault:appRole/authBackendRole:AuthBackendRole": (
        ROLE, ROLE, {"roleId": (f"{ROLE}/role-id", "role_id")}),
    "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": (
        f"{ROLE}/secret-id", "", {"secretId": ("", "secret_id"), "accessor": ("", "secret_id_accessor")}),
}  # fmt: skip
"""Of what is read nowhere (""), the answer to the writing says it once."""


class Vault:
    """A Vault, which is asked for nothing in a preview."""

    def __init__(self, **where: str) -> None:
        self.where, self.logins = where, dict[str, Server]()

    def __call__(self, method: str, request: Request, config: Props) -> Props:
        if method == "try":
            return {}
        server, (written, changed, outputs) = self.login(config), PATHS[request.type]
        path = (changed if method == "update" else written).format_map(request.inputs)
        if method != "delete":
            known = re.findall(r"{(\w+)}", written)
            body = {snake(key): value for key, value in request.inputs.items() if key not in known}
            said = server.call("POST", f"/v1/{path}", body)
            answers = {
                at: server.call("GET", f"/v1/{at.format_map(request.inputs)}") if at else said
                for at, _ in outputs.values()
            }
            return {name: answers[at]["data"][key] for name, (at, key) in outputs.items()}
        if changed:
            server.call("DELETE", f"/v1/{path}")
        else:
            made = (request.store.get(request.id) or {})["outputs"]["accessor"]
            server.call("POST", f"/v1/{path}-accessor/destroy", {"secret_id_accessor": made})
        return {}

    def login(self, config: Props) -> Server:
        """As the provider logs in, and with a token's child unless it is told to make none."""
        by = config["authLoginUserpass"]
        if by not in self.logins:
            given, server = json.loads(by), Server(**self.where)
            path = f"/v1/auth/{given.get('mount', 'userpass')}/login/{given['username']}"
            token = server.call("POST", path, {"password": given["password"]})
            server.session.headers["X-Vault-Token"] = token["auth"]["client_token"]
            if config.get("skipChildToken") != "true":
                token = server.call("POST", "/v1/auth/token/create", {"ttl": "20m"})
                server.session.headers["X-Vault-Token"] = token["auth"]["client_token"]
            self.logins[by] = server
        return self.logins[by]


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
