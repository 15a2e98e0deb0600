"""Creates, updates and deletes Concourse's teams. Idempotent. Standard library only.

Its input is teams.json in the same folder: {"set": {team: {role: {"groups": […], "users": […]}}},
"removed": [team]}, with each group and user as `connector:name`. The whole input is validated first, because
Concourse accepts unknown roles and connectors, which then match nobody. Environment: CONCOURSE_URL,
ADMINISTRATOR. Secret: password, the administrator's.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from calls import RefusedError, Server, refuse, say, secret

ROLES = ("owner", "member", "pipeline-operator", "viewer")
CONNECTORS = ("local", "oidc")
MEMBER_KEYS = ("groups", "users")
MAIN = "main"
FLY = {"Authorization": "Basic Zmx5OlpteDU="}
"""fly's OAuth client id and secret, which are public. Only fly may exchange a password for a token."""
RUNBOOK = "teams.md"
UNAUTHORIZED = (400, 401, 403)


def main() -> None:
    wanted = json.loads(Path(__file__).with_name("teams.json").read_text(encoding="utf-8"))
    teams, removed = wanted["set"], wanted["removed"]
    invalid = list(problems(teams, removed))
    if invalid:
        refuse("; ".join(invalid), RUNBOOK)
    server = Server(os.environ["CONCOURSE_URL"])
    server.headers["Authorization"] = f"Bearer {token(server.url)}"
    existing = {team["name"]: auth(team.get("auth")) for team in server.call("GET", "/api/v1/teams")}
    unlisted = sorted(existing.keys() - teams.keys() - set(removed))
    if unlisted:
        lines = ", ".join(f"- {{name: {name}, removed: true}}" for name in unlisted)
        refuse(
            f"Concourse has teams that the stack file does not have: {', '.join(unlisted)}. To keep a team, "
            f"add it to the stack file. To delete it with all its pipelines and builds, add: {lines}",
            RUNBOOK,
        )
    for name, roles in teams.items():
        if existing.get(name) != auth(roles):
            answer = server.call("PUT", f"/api/v1/teams/{quote(name)}", {"auth": roles})
            say(f"team {name}: {'updated' if name in existing else 'created'}")
            for warning in (answer or {}).get("warnings") or ():
                say(f"team {name}: Concourse warns: {warning.get('message', warning)}")
    for name in removed:
        if name in existing:
            server.found("DELETE", f"/api/v1/teams/{quote(name)}")
            say(f"team {name}: deleted with its pipelines and builds")
    say(f"done: Concourse has the {len(teams)} teams of the stack file")


def problems(teams: dict[str, Any], removed: list[str]) -> Iterator[str]:
    """Errors that Concourse itself would not report."""
    if not (teams.get(MAIN) or {}).get("owner"):
        yield f"{MAIN} would have no owner, and nobody could administer Concourse"
    for name in removed:
        if name == MAIN or name in teams:
            yield f"{name} cannot be removed: it is the main team or also listed as a team to keep"
    for name, roles in teams.items():
        if not roles:
            yield f"{name} has no members"
        for role, members in roles.items():
            if role not in ROLES:
                yield f"{name} has the unknown role {role}; the roles are {', '.join(ROLES)}"
            if not any(members.get(key) for key in MEMBER_KEYS):
                yield f"{name} has no members with the role {role}"
            yield from (f"{name}, role {role}: {problem}" for problem in unknown(members))


def unknown(members: dict[str, list[str]]) -> Iterator[str]:
    """Keys and connectors that Concourse does not have. Members named by them could not log in."""
    for key, names in members.items():
        if key not in MEMBER_KEYS:
            yield f"unknown key {key}; the keys are {' and '.join(MEMBER_KEYS)}"
        for name in names:
            connector, _, rest = name.partition(":")
            if connector not in CONNECTORS or not rest:
                yield f"{name} has no connector; start it with {' or '.join(f'{c}:' for c in CONNECTORS)}"


def token(url: str) -> str:
    """A token of the administrator."""
    name = os.environ["ADMINISTRATOR"]
    form = {
        "grant_type": "password",
        "username": name,
        "password": secret("password"),
        "scope": "openid profile email federated:id groups",
    }
    try:
        # Web nodes that started before a rotation still have the old password.
        answer = Server(url, FLY).call(
            "POST", "/sky/issuer/token", urlencode(form).encode(), also=UNAUTHORIZED
        )
    except RefusedError as error:
        if error.status in UNAUTHORIZED:
            say(f"Concourse rejects the password of {name}: its web nodes may still have the previous one")
            raise SystemExit(1) from None
        raise
    return str(answer["access_token"])


def auth(roles: dict[str, Any] | None) -> dict[str, Any]:
    """A team's members in a form that can be compared: sorted, without empty entries."""
    return {
        role: {key: sorted(members[key]) for key in MEMBER_KEYS if members.get(key)}
        for role, members in (roles or {}).items()
    }


if __name__ == "__main__":
    main()
