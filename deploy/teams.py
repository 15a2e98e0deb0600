"""Concourse's teams in the stack file compared with those in Concourse."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.concourse import Auth, team_members, to_api_auth
from components.entra import token_claims
from components.settings import Settings
from deploy.stack_file import RefusedError

Teams = dict[str, Auth]
FLYRC = Path("~/.flyrc")
"""File in which `fly login` stores tokens."""


def wanted(settings: Settings, ids: Mapping[str, str]) -> Teams:
    """The teams of the stack file; `ids` are the Entra groups of the stack, by name."""
    kind = settings.entra.group_claims

    def auth(team: Any) -> Auth:
        claims = {
            role: token_claims(kind, ids, team.name, role, who.oidc.groups)
            for role, who in team.roles.given()
        }
        return to_api_auth(team_members(team, claims, settings.concourse.administrator))

    return {team.name: auth(team) for team in settings.teams if not team.removed}


def concourse_url(settings: Settings) -> str:
    """The external URL of Concourse."""
    return f"https://{settings.host_names['concourse']}"


def differences(wanted: Teams, there: Teams) -> Iterator[str]:
    """One line a difference: `+` is only in git, `-` only in Concourse."""
    yield from (f"+ {name}: the next update creates it" for name in sorted(wanted.keys() - there.keys()))
    yield from (f"- {name}: not in git" for name in sorted(there.keys() - wanted.keys()))
    for name in sorted(wanted.keys() & there.keys()):
        git, real = _members(wanted[name]), _members(there[name])
        yield from (f"+ {name}: {who}" for who in sorted(git - real))
        yield from (f"- {name}: {who}" for who in sorted(real - git))


def _members(auth: Auth) -> set[str]:
    return {
        f"{role} {kind.removesuffix('s')} {name}"
        for role, kinds in auth.items()
        for kind, names in kinds.items()
        for name in names or ()
    }


def rehearsed(resources: Iterable[Mapping[str, Any]]) -> Teams:
    """The input of the teams Job in the last rehearsal, which runs no Concourse."""
    for resource in resources:
        if resource["type"] == "kubernetes:core/v1:ConfigMap" and resource["urn"].endswith("::teams"):
            found: Teams = json.loads(resource["inputs"]["data"]["teams.json"])["set"]
            return found
    raise RefusedError("this rehearsal has no teams; first run: python -m deploy up STACK --rehearse")


def real(url: str, flyrc: Path = FLYRC) -> Teams:
    """The teams in Concourse that the login of fly can see. An owner of main sees all."""
    headers = {"Authorization": f"Bearer {_token(url, flyrc.expanduser())}"}
    request = urllib.request.Request(f"{url}/api/v1/teams", headers=headers)  # noqa: S310 the stack's own host
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 as above
            teams = json.load(answer)
    except urllib.error.HTTPError as refused:
        raise RefusedError(f"{url} answers {refused.code}; {_login(url)}", 1) from None
    except (OSError, ValueError) as failed:
        raise RefusedError(f"{url} does not answer: {failed}", 1) from None
    if not any(team["name"] == "main" for team in teams):
        raise RefusedError(f"the login of fly cannot see the team main; {_login(url)}")
    return {team["name"]: team.get("auth") or {} for team in teams}


def _token(url: str, flyrc: Path) -> str:
    try:
        targets = (yaml.safe_load(flyrc.read_text()) or {}).get("targets") or {}
    except (OSError, yaml.YAMLError, AttributeError):
        targets = {}
    mine = [target for target in targets.values() if str(target.get("api", "")).rstrip("/") == url]
    # The login to main sees most.
    for target in sorted(mine, key=lambda target: target.get("team") != "main"):
        if (target.get("token") or {}).get("value"):
            return str(target["token"]["value"])
    raise RefusedError(f"fly is not logged in to {url}; {_login(url)}")


def _login(url: str) -> str:
    return f"log in as an owner of main: fly -t main login -c {url} -n main"
