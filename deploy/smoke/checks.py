"""Does a stack do what it is for? Asked from outside, as its users are, each question with a time limit."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from components.concourse.team_settings import MAIN
from deploy.smoke import alertmanager as cluster_api
from deploy.smoke import certificates as tls
from deploy.stack_file import RefusedError

PIPELINE = "smoke"
"""In the team; it is set by the first run and stays, so that later ones find what earlier ones encrypted."""
SECRET = "smoke"  # noqa: S105 the name of a variable
FLY = ("fly", "Zmx5")
"""The client that fly logs in as; both are public."""
ASK = 15
"""Seconds for one answer."""
PAUSE = 300
"""Seconds between two rounds of questions."""
RUNBOOKS = "docs/runbooks"
CONFIG = {
    "jobs": [
        {
            "name": "look-up",
            "plan": [
                {
                    "task": "look-up",
                    "config": {
                        "platform": "linux",
                        "image_resource": {
                            "type": "registry-image",
                            "source": {"repository": "busybox", "tag": "1.37"},
                        },
                        "params": {"FOUND": f"(({SECRET}))"},
                        "run": {"path": "sh", "args": ["-ec", 'test -n "$FOUND"']},
                    },
                }
            ],
        }
    ]
}


class FailedError(Exception):
    """What was seen instead."""


@dataclass(frozen=True)
class Target:
    """A stack as its users know it."""

    hosts: Mapping[str, str]
    """Host names by what they are for."""
    concourse: str
    team: str
    user: str
    password: str
    cluster: cluster_api.Cluster | None
    """Who is asked about what nobody reaches from outside."""


@dataclass(frozen=True)
class Seen:
    """How one question went."""

    question: str
    well: bool
    text: str
    seconds: float

    def __str__(self) -> str:
        return f"{'ok    ' if self.well else 'FAILED'} {self.question:<22} {self.seconds:5.1f} s  {self.text}"


Question = Callable[["Session", float], str]
"""Answers what it saw, and gives up by a time of the monotonic clock."""


class Session:
    """A stack, and the login that questions share."""

    def __init__(self, target: Target) -> None:
        self.target, self.token = target, ""

    def ask(self, method: str, path: str, until: float, **what: Any) -> requests.Response:
        """Concourse's answer, logged in where a token is there."""
        left = until - time.monotonic()
        if left <= 0:
            raise FailedError(f"{method} {path}: no time is left for it")
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= what.pop("headers", {})
        url = f"{self.target.concourse}{path}"
        answer = requests.request(method, url, timeout=min(ASK, left), headers=headers, **what)
        if not answer.ok:
            raise FailedError(f"{method} {path} answers {answer.status_code}: {answer.text.strip()[:200]}")
        return answer


def certificates(session: Session, until: float) -> str:
    """Of every public host."""
    told = [tls.certificate(host, until) for host in sorted(set(session.target.hosts.values()))]
    wrong = [each.text for each in told if each.wrong]
    if wrong:
        raise FailedError("; ".join(wrong))
    first = min(told, key=lambda each: each.days)
    return f"{len(told)} hosts; the first to end is {first.text}"


def api(session: Session, until: float) -> str:
    """That Concourse answers whom it does not know."""
    about = session.ask("GET", "/api/v1/info", until).json()
    if about.get("external_url") not in (None, session.target.concourse):
        raise FailedError(f"it takes itself for {about['external_url']}")
    return f"version {about['version']}"


def login(session: Session, until: float) -> str:
    """That a service user gets in, and sees its team."""
    target = session.target
    form = {
        "grant_type": "password",
        "username": target.user,
        "password": target.password,
        "scope": "openid profile email federated:id groups",
    }
    given = session.ask("POST", "/sky/issuer/token", until, data=form, auth=FLY).json()
    session.token = given["access_token"]
    teams = session.ask("GET", "/api/v1/user", until).json().get("teams", {})
    if target.team not in teams:
        raise FailedError(f"{target.user} is logged in, and in none but {', '.join(teams) or 'no team'}")
    return f"{target.user} is {', '.join(teams[target.team])} of {target.team}"


def workers(session: Session, until: float) -> str:
    """That somebody runs builds."""
    found = session.ask("GET", "/api/v1/workers", until).json()
    states = [worker.get("state", "?") for worker in found]
    running = states.count("running")
    others = {state: states.count(state) for state in states if state != "running"}
    more = ", ".join(f"{number} {state}" for state, number in others.items())
    if not running:
        raise FailedError(f"none is running ({more or 'there are none'})")
    return f"{running} running" + (f", {more}" if more else "")


def pipeline(session: Session, until: float) -> str:
    """That what was written into the database can be read: with another encryption key it could not."""
    path = f"/api/v1/teams/{session.target.team}/pipelines/{PIPELINE}"
    headers = {"Content-Type": "application/json"}
    try:
        kept = session.ask("GET", f"{path}/config", until)
    except FailedError as failed:
        if " answers 500" in str(failed):
            raise FailedError(f"{failed}; another encryption key? {RUNBOOKS}/encryption-key.md") from None
        if " answers 404" not in str(failed):
            raise
        session.ask("PUT", f"{path}/config", until, data=json.dumps(CONFIG), headers=headers)
        session.ask("PUT", f"{path}/unpause", until)
        session.ask("GET", f"{path}/config", until)
        return f"{PIPELINE} was not there; it is set now, and the next run will tell more"
    if kept.json()["config"] != CONFIG:
        headers |= {"X-Concourse-Config-Version": kept.headers["X-Concourse-Config-Version"]}
        session.ask("PUT", f"{path}/config", until, data=json.dumps(CONFIG), headers=headers)
        return f"{PIPELINE} was read, and set anew"
    return f"{PIPELINE} was read"


def vault(session: Session, until: float) -> str:
    """That a build gets a secret out of Vault, which is also that a worker runs it."""
    team = session.target.team
    path = f"/api/v1/teams/{team}/pipelines/{PIPELINE}/jobs/look-up/builds"
    build = session.ask("POST", path, until).json()
    what = f"build {build['id']}"
    while time.monotonic() < until:
        status = session.ask("GET", f"/api/v1/builds/{build['id']}", until).json()["status"]
        if status == "succeeded":
            return f"{what} had (({SECRET}))"
        if status not in ("pending", "started"):
            why = error_of(session, build["id"], until)
            put = f"vault kv put secret/concourse/{team}/{SECRET} value=anything"
            hint = f"{RUNBOOKS}/ConcourseVaultLoginFailing.md" if "vault" in why.lower() else f"{put}?"
            url = f"{session.target.concourse}/builds/{build['id']}"
            raise FailedError(f"{what} {status}: {why or 'it does not say why'}; {url}; {hint}")
        time.sleep(min(2, max(0, until - time.monotonic())))
    raise FailedError(f"{what} is still {status}")


def error_of(session: Session, build: int, until: float) -> str:
    """What a build that is over says of its error, out of its events; "" where it says nothing."""
    found = ""
    with (
        contextlib.suppress(FailedError, OSError, ValueError, KeyError),
        session.ask("GET", f"/api/v1/builds/{build}/events", until, stream=True) as answer,
    ):
        for line in answer.iter_lines():
            if line.startswith(b"event: end"):  # the stream stays open
                break
            if line.startswith(b"data:") and (event := json.loads(line[5:]))["event"] == "error":
                found = event["data"]["message"].strip()[:200]
    return found


def alert(session: Session, until: float) -> str:
    """That Alertmanager takes an alert. Whether Slack shows it, only somebody who looks there sees."""
    if session.target.cluster is None:
        raise FailedError("the stack's state names no cluster")
    found = cluster_api.Alertmanager(session.target.cluster, until)
    found.post("SmokeTest", "A smoke test. It ends by itself in five minutes.")
    while time.monotonic() < until:
        for each in found.alerts("SmokeTest"):
            receivers = ", ".join(receiver["name"] for receiver in each["receivers"])
            return f"Alertmanager has it and tells {receivers}; look whether Slack shows it"
        time.sleep(min(1, max(0, until - time.monotonic())))
    raise FailedError("Alertmanager took it and does not show it")


QUESTIONS: Mapping[str, tuple[Question, float]] = {
    "certificates": (certificates, 60),
    "Concourse's API": (api, 30),
    "a login": (login, 30),
    "workers": (workers, 30),
    "a pipeline is read": (pipeline, 60),
    "Vault in a build": (vault, 300),
    "an alert": (alert, 60),
}
"""By name: how it is asked, and for how many seconds at most."""


def smoke(target: Target, limits: Mapping[str, float] | None = None) -> Iterator[Seen]:
    """Ask everything, one after another; what fails does not keep the others from being asked."""
    session = Session(target)
    for name, (question, limit) in QUESTIONS.items():
        start = time.monotonic()
        try:
            text, well = question(session, start + (limits or {}).get(name, limit)), True
        except FailedError as failed:
            text, well = str(failed), False
        except (OSError, ValueError, KeyError) as failed:
            text, well = f"{type(failed).__name__}: {failed}", False
        yield Seen(name, well, text, time.monotonic() - start)


def target(settings: Any, resources: list[dict[str, Any]], team: str = "") -> Target:
    """What a stack's settings and its state say of it."""
    teams = [each for each in settings.teams if not each.removed and (not team or each.name == team)]
    teams = [each for each in teams if each.name != MAIN] or teams
    if not teams:
        raise RefusedError(f"there is no team {team!r}" if team else "there is no team to log in to")
    # Of main it is the administrator, which has no user of its own beside (components/team_config.py).
    user = settings.concourse.administrator if teams[0].name == MAIN else teams[0].user
    hosts = settings.host_names
    return Target(
        hosts=hosts,
        concourse=f"https://{hosts['concourse']}",
        team=teams[0].name,
        user=user,
        password=password(resources, user),
        cluster=cluster_api.of(resources),
    )


def password(resources: list[dict[str, Any]], user: str) -> str:
    """Of a local user, out of the state: who may update the stack can read it anyway."""
    for found in resources:
        if found["urn"].endswith(f":RandomPassword::user-{user}"):
            return str(cluster_api.plain(found["outputs"]["result"]))
    raise RefusedError(f"the state has no password of {user}: has the stack been updated?", 1)
