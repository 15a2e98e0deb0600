"""Checks of a running stack from outside, as its users use it. Each has a time limit."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from components.concourse.team_settings import MAIN
from deploy.smoke import alertmanager
from deploy.smoke import certificates as tls
from deploy.stack_file import RefusedError

PIPELINE = "smoke"
"""A pipeline of the team. The first run sets it; later runs read what that run encrypted."""
SECRET = "smoke"  # noqa: S105 the name of a variable
FLY = ("fly", "Zmx5")
"""fly's OAuth client and its secret; both are public."""
REQUEST_SECONDS = 15
PAUSE = 300
"""Seconds between two rounds."""
RUNBOOKS = "docs/runbooks"
_TASK = {
    "platform": "linux",
    "image_resource": {"type": "registry-image", "source": {"repository": "busybox", "tag": "1.37"}},
    "params": {"FOUND": f"(({SECRET}))"},
    "run": {"path": "sh", "args": ["-ec", 'test -n "$FOUND"']},
}
CONFIG = {"jobs": [{"name": "look-up", "plan": [{"task": "look-up", "config": _TASK}]}]}


class FailedError(Exception):
    """A check that failed; the text says what it found."""


@dataclass(frozen=True)
class Target:
    """A stack as its users know it."""

    hosts: Mapping[str, str]
    """Application → host name."""
    concourse: str
    team: str
    user: str
    password: str
    cluster: alertmanager.Cluster | None


@dataclass(frozen=True)
class Result:
    """The result of one check."""

    check: str
    passed: bool
    text: str
    seconds: float

    def __str__(self) -> str:
        return f"{'ok    ' if self.passed else 'FAILED'} {self.check:<22} {self.seconds:5.1f} s  {self.text}"


class Session:
    """Concourse's API, with a token after the login."""

    def __init__(self, target: Target) -> None:
        self.target, self.token = target, ""
        self.team = f"/api/v1/teams/{target.team}/pipelines/{PIPELINE}"

    def request(self, method: str, path: str, until: float, **how: Any) -> requests.Response:
        """Concourse's answer to a request."""
        left = until - time.monotonic()
        if left <= 0:
            raise FailedError(f"{method} {path}: the time limit is over")
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= how.pop("headers", {})
        url, timeout = f"{self.target.concourse}{path}", min(REQUEST_SECONDS, left)
        answer = requests.request(method, url, timeout=timeout, headers=headers, **how)
        if not answer.ok:
            raise FailedError(f"{method} {path} answers {answer.status_code}: {answer.text.strip()[:200]}")
        return answer


def certificates(session: Session, until: float) -> str:
    """The certificates of all public hosts are valid and renewed."""
    found = [tls.certificate(host, until) for host in sorted(set(session.target.hosts.values()))]
    if wrong := [each.text for each in found if each.wrong]:
        raise FailedError("; ".join(wrong))
    return f"{len(found)} hosts; the first to expire is {min(found, key=lambda each: each.days).text}"


def api(session: Session, until: float) -> str:
    """Concourse answers without a login."""
    info = session.request("GET", "/api/v1/info", until).json()
    if info.get("external_url") not in (None, session.target.concourse):
        raise FailedError(f"its external URL is {info['external_url']}")
    return f"version {info['version']}"


def login(session: Session, until: float) -> str:
    """The service user can log in and is a member of its team."""
    target = session.target
    form = {"grant_type": "password", "username": target.user, "password": target.password,
            "scope": "openid profile email federated:id groups"}  # fmt: skip
    answer = session.request("POST", "/sky/issuer/token", until, data=form, auth=FLY).json()
    session.token = answer["access_token"]
    teams = session.request("GET", "/api/v1/user", until).json().get("teams", {})
    if target.team not in teams:
        raise FailedError(f"{target.user} can log in, but its teams are: {', '.join(teams) or 'none'}")
    return f"{target.user} is {', '.join(teams[target.team])} of {target.team}"


def workers(session: Session, until: float) -> str:
    """At least one worker is running."""
    found = session.request("GET", "/api/v1/workers", until).json()
    states = Counter(worker.get("state", "?") for worker in found)
    text = ", ".join(f"{number} {state}" for state, number in states.items())
    if not states["running"]:
        raise FailedError(f"no worker is running ({text or 'there are none'})")
    return text


def pipeline(session: Session, until: float) -> str:
    """The web nodes can decrypt what an earlier run wrote: the database encryption key is still the same."""
    path, headers = f"{session.team}/config", {"Content-Type": "application/json"}
    try:
        existing = session.request("GET", path, until)
    except FailedError as failed:
        if " answers 500" in str(failed):
            text = f"{failed}; another encryption key? {RUNBOOKS}/encryption-key.md"
            raise FailedError(text) from None
        if " answers 404" not in str(failed):
            raise
        session.request("PUT", path, until, data=json.dumps(CONFIG), headers=headers)
        session.request("PUT", f"{session.team}/unpause", until)
        return f"{PIPELINE} did not exist; it is set now, and the next run can read it"
    if existing.json()["config"] != CONFIG:
        headers |= {"X-Concourse-Config-Version": existing.headers["X-Concourse-Config-Version"]}
        session.request("PUT", path, until, data=json.dumps(CONFIG), headers=headers)
        return f"read {PIPELINE} and set it again"
    return f"read {PIPELINE}"


def vault(session: Session, until: float) -> str:
    """A build gets a secret from Vault, and thus a worker runs it."""
    team = session.target.team
    build = session.request("POST", f"{session.team}/jobs/look-up/builds", until).json()["id"]
    while time.monotonic() < until:
        status = session.request("GET", f"/api/v1/builds/{build}", until).json()["status"]
        if status == "succeeded":
            return f"build {build} got (({SECRET}))"
        if status not in ("pending", "started"):
            why = build_error(session, build, until)
            hint = f"vault kv put secret/concourse/{team}/{SECRET} value=anything ?"
            hint = f"{RUNBOOKS}/ConcourseVaultLoginFailing.md" if "vault" in why.lower() else hint
            url = f"{session.target.concourse}/builds/{build}"
            raise FailedError(f"build {build} {status}: {why or 'no error message'}; {url}; {hint}")
        time.sleep(min(2, max(0, until - time.monotonic())))
    raise FailedError(f"build {build} is still {status}")


def build_error(session: Session, build: int, until: float) -> str:
    """The error among the events of a finished build; "" if there is none."""
    found = ""
    with (
        contextlib.suppress(FailedError, OSError, ValueError, KeyError),
        session.request("GET", f"/api/v1/builds/{build}/events", until, stream=True) as answer,
    ):
        for line in answer.iter_lines():
            if line.startswith(b"event: end"):  # the stream stays open
                break
            if line.startswith(b"data:") and (event := json.loads(line[5:]))["event"] == "error":
                found = event["data"]["message"].strip()[:200]
    return found


def alert(session: Session, until: float) -> str:
    """Alertmanager accepts an alert and routes it. Whether Slack shows it, a person has to see."""
    if session.target.cluster is None:
        raise FailedError("the stack's state has no Kubernetes provider")
    client = alertmanager.Alertmanager(session.target.cluster, until)
    client.post("SmokeTest", "A smoke test. It resolves after five minutes.")
    while time.monotonic() < until:
        for each in client.alerts("SmokeTest"):
            receivers = ", ".join(receiver["name"] for receiver in each["receivers"])
            return f"Alertmanager sends it to {receivers}; check that Slack shows it"
        time.sleep(min(1, max(0, until - time.monotonic())))
    raise FailedError("Alertmanager accepted the alert and does not list it")


CHECKS: Mapping[str, tuple[Callable[[Session, float], str], float]] = {
    "certificates": (certificates, 60),
    "Concourse's API": (api, 30),
    "a login": (login, 30),
    "workers": (workers, 30),
    "a pipeline is read": (pipeline, 60),
    "Vault in a build": (vault, 300),
    "an alert": (alert, 60),
}
"""Name → check (returns what it found, raises where it failed) and its limit in seconds."""


def smoke(target: Target, limits: Mapping[str, float] | None = None) -> Iterator[Result]:
    """Run all checks, one after another; those after a failed one too."""
    session = Session(target)
    for name, (check, limit) in CHECKS.items():
        start = time.monotonic()
        try:
            text, passed = check(session, start + (limits or {}).get(name, limit)), True
        except FailedError as failed:
            text, passed = str(failed), False
        except (OSError, ValueError, KeyError) as failed:
            text, passed = f"{type(failed).__name__}: {failed}", False
        yield Result(name, passed, text, time.monotonic() - start)


def target(settings: Any, resources: list[dict[str, Any]], team: str = "") -> Target:
    """The target of a stack, from its settings and its state."""
    teams = [each for each in settings.teams if not each.removed and (not team or each.name == team)]
    teams = [each for each in teams if each.name != MAIN] or teams
    if not teams:
        raise RefusedError(f"there is no team {team!r}" if team else "there is no team to log in to")
    # The administrator is the only local user of main.
    user = settings.concourse.administrator if teams[0].name == MAIN else teams[0].user
    hosts = settings.host_names
    return Target(
        hosts=hosts,
        concourse=f"https://{hosts['concourse']}",
        team=teams[0].name,
        user=user,
        password=password(resources, user),
        cluster=alertmanager.cluster_of(resources),
    )


def password(resources: list[dict[str, Any]], user: str) -> str:
    """The password of a local user, from the state."""
    for found in resources:
        if found["urn"].endswith(f":RandomPassword::user-{user}"):
            return str(alertmanager.plain(found["outputs"]["result"]))
    raise RefusedError(f"the state has no password of {user}: has the stack been updated?", 1)
