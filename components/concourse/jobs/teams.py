"""Brings Concourse's teams to what the stack says. Standard library only; safe to run twice.

What is wanted is in teams.json beside this: {"set": {team: {role: {"groups": […], "users": […]}}},
"removed": [team]}, each group and user as `connector:name`. All of it is checked before anything is changed:
Concourse itself takes roles and connectors that there are none of, and lets nobody in by them. Environment:
CONCOURSE_URL, ADMINISTRATOR. Secret: password, the administrator's.
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
KINDS = ("groups", "users")
MAIN = "main"
FLY = {"Authorization": "Basic Zmx5OlpteDU="}
"""fly's own id and secret, which Concourse publishes: it is who asks for tokens by a password."""
RUNBOOK = "teams.md"
UNAUTHORIZED = (400, 401, 403)


def main() -> None:
    wanted = json.loads(Path(__file__).with_name("teams.json").read_text(encoding="utf-8"))
    teams, removed = wanted["set"], wanted["removed"]
    wrong = list(problems(teams, removed))
    if wrong:
        refuse("; ".join(wrong), RUNBOOK)
    server = Server(os.environ["CONCOURSE_URL"])
    server.headers["Authorization"] = f"Bearer {token(server.url)}"
    there = {team["name"]: auth(team.get("auth")) for team in server.call("GET", "/api/v1/teams")}
    unsaid = sorted(there.keys() - teams.keys() - set(removed))
    if unsaid:
        lines = ", ".join(f"- {{name: {name}, removed: true}}" for name in unsaid)
        refuse(
            f"Concourse has teams that the stack file does not: {', '.join(unsaid)}. To keep one, write its "
            f"lines; to delete it with all its pipelines and builds, write: {lines}",
            RUNBOOK,
        )
    for name, roles in teams.items():
        if there.get(name) != auth(roles):
            answer = server.call("PUT", f"/api/v1/teams/{quote(name)}", {"auth": roles})
            say(f"{name}: {'changed' if name in there else 'made'}")
            for warning in (answer or {}).get("warnings") or ():
                say(f"{name}: Concourse warns: {warning.get('message', warning)}")
    for name in removed:
        if name in there:
            server.found("DELETE", f"/api/v1/teams/{quote(name)}")
            say(f"{name}: deleted, with its pipelines and builds")
    say(f"Concourse has {len(teams)} teams, as the stack says")


def problems(teams: dict[str, Any], removed: list[str]) -> Iterator[str]:
    """What Concourse would take without a word."""
    if not (teams.get(MAIN) or {}).get("owner"):
        yield f"{MAIN} would be without an owner, and nobody would administer Concourse"
    for name in removed:
        if name == MAIN or name in teams:
            yield f"{name} is to be removed, and is needed"
    for name, roles in teams.items():
        if not roles:
            yield f"{name} has no members"
        for role, members in roles.items():
            if role not in ROLES:
                yield f"{name} has a role {role}; there are {', '.join(ROLES)}"
            if not any(members.get(kind) for kind in KINDS):
                yield f"{name} has a role {role} that nobody has"
            yield from (f"{name}'s {role} has {wrong}" for wrong in unknown(members))


def unknown(members: dict[str, list[str]]) -> Iterator[str]:
    """Who is named in a way that lets nobody in."""
    for kind, who in members.items():
        if kind not in KINDS:
            yield f"{kind}; there are {' and '.join(KINDS)}"
        for each in who:
            connector, _, rest = each.partition(":")
            if connector not in CONNECTORS or not rest:
                yield f"{each}, which begins with none of {', '.join(CONNECTORS)}"


def token(url: str) -> str:
    """A login as the administrator."""
    name = os.environ["ADMINISTRATOR"]
    form = {
        "grant_type": "password",
        "username": name,
        "password": secret("password"),
        "scope": "openid profile email federated:id groups",
    }
    try:
        answer = Server(url, FLY).call("POST", "/sky/issuer/token", urlencode(form).encode())
    except RefusedError as error:
        if error.status in UNAUTHORIZED:
            # Web nodes that started before the password was changed know the old one.
            say(f"Concourse does not take {name}'s password; its web nodes may have another one still")
            raise SystemExit(1) from None
        raise
    return str(answer["access_token"])


def auth(roles: dict[str, Any] | None) -> dict[str, Any]:
    """A team's members, for comparing: without order, and without what is empty."""
    return {
        role: {kind: sorted(members[kind]) for kind in KINDS if members.get(kind)}
        for role, members in (roles or {}).items()
    }


if __name__ == "__main__":
    main()
