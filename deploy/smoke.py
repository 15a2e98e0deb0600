"""Checks of a running stack from outside, as its users use it. Each has a time limit."""

import contextlib
import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from components.azure.postgres.maintenance_window import RESOURCE_MANAGER
from components.concourse.team_settings import MAIN
from components.monitoring import PROMETHEUS_RELEASE
from components.settings import Settings
from deploy.cluster_access import LoginError, api_server, azure_token, kubeconfig
from deploy.maintenance import NO_WINDOW, Window, window
from deploy.render import plain
from deploy.stack_file import RefusedError

PIPELINE = "smoke"
"""A pipeline of the team. The first run sets it; later runs read what that run encrypted."""
SECRET = "smoke"  # noqa: S105 the name of a variable
FLY = ("fly", "Zmx5")
"""fly's OAuth client and its secret; both are public."""
PAUSE = 300
"""Seconds between two rounds."""
HTTPS = 443
RENEWED = 14
"""Days before the expiry by which cert-manager has long renewed a certificate."""
ALERTS = (
    f"/api/v1/namespaces/monitoring/services/http:{PROMETHEUS_RELEASE}-alertmanager:9093/proxy/api/v2/alerts"
)
"""Alertmanager's API, through the API server's proxy."""
SCRIPT = """
test -n "$FOUND"
for url in $URLS; do
  wget -q -T 20 -O /dev/null "$url" || { echo "this worker does not reach $url"; exit 1; }
done
"""


class FailedError(Exception):
    """A failed check; the text says what it found."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status
        """The HTTP status that a server answered."""


@dataclass
class Target:
    """A stack as its users know it, and the running check."""

    hosts: Sequence[str]
    concourse: str
    team: str
    user: str
    password: str
    kubeconfig: str
    inside: Sequence[str] = ()
    """URLs of the stack's own hosts that builds reach."""
    window: Window = NO_WINDOW
    """The database's maintenance window."""
    write_secret: str = ""
    """The command that writes the build's secret."""
    token: str = ""
    """Concourse's, after the login."""
    until: float = 0
    """The end of the running check, on the monotonic clock."""

    def left(self, most: float) -> float:
        """The seconds that a step of the running check may take."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise FailedError("the time limit is over")
        return min(most, left)

    def attempts(self, pause: float) -> Iterator[None]:
        """Repeat a loop with pauses, until the time limit."""
        while time.monotonic() < self.until:
            yield
            time.sleep(min(pause, max(0, self.until - time.monotonic())))

    def ask(self, method: str, path: str, server: str = "", **how: Any) -> requests.Response:
        """The answer of Concourse, or of another server."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= how.pop("headers", {})
        url = (server or self.concourse) + path
        answer = requests.request(method, url, timeout=self.left(15), headers=headers, **how)
        if not answer.ok:
            text = f"{method} {path} answers {answer.status_code}: {answer.text.strip()[:200]}"
            raise FailedError(text, answer.status_code)
        return answer


@dataclass(frozen=True)
class Result:
    """The result of one check."""

    check: str
    passed: bool
    text: str
    seconds: float

    def __str__(self) -> str:
        return f"{'ok    ' if self.passed else 'FAILED'} {self.check:<22} {self.seconds:5.1f} s  {self.text}"


def certificates(target: Target) -> str:
    """The certificates of all public hosts are valid and renewed."""
    days, wrong = {}, []
    for host in sorted(set(target.hosts)):
        try:
            days[host] = days_left(host, target.left(10))
        except OSError as failed:
            wrong.append(f"{host}: {getattr(failed, 'verify_message', failed)}")
    wrong += [
        f"{host} in {left:.0f} days: it was not renewed" for host, left in days.items() if left <= RENEWED
    ]
    if wrong:
        raise FailedError("; ".join(wrong))
    first = min(days, key=lambda host: days[host])
    return f"{len(days)} hosts; the first to expire is {first} in {days[first]:.0f} days"


def days_left(host: str, timeout: float) -> float:
    """Days until the certificate of a host expires. An invalid certificate is an OSError."""
    with (
        socket.create_connection((host, HTTPS), timeout) as connection,
        ssl.create_default_context().wrap_socket(connection, server_hostname=host) as encrypted,
    ):
        shown = encrypted.getpeercert() or {}
    return (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / 86400


def api(target: Target) -> str:
    """Concourse answers without a login."""
    info = target.ask("GET", "/api/v1/info").json()
    if info.get("external_url") not in (None, target.concourse):
        raise FailedError(f"its external URL is {info['external_url']}")
    return f"version {info['version']}"


def login(target: Target) -> str:
    """The service user can log in and is a member of its team."""
    form = {"grant_type": "password", "username": target.user, "password": target.password,
            "scope": "openid profile email federated:id groups"}  # fmt: skip
    target.token = target.ask("POST", "/sky/issuer/token", data=form, auth=FLY).json()["access_token"]
    teams = target.ask("GET", "/api/v1/user").json().get("teams", {})
    if target.team not in teams:
        raise FailedError(f"{target.user} can log in, but its teams are: {', '.join(teams) or 'none'}")
    return f"{target.user} is {', '.join(teams[target.team])} of {target.team}"


def workers(target: Target) -> str:
    """At least one worker is running."""
    states = Counter(worker.get("state", "?") for worker in target.ask("GET", "/api/v1/workers").json())
    text = ", ".join(f"{number} {state}" for state, number in states.items())
    if not states["running"]:
        raise FailedError(f"no worker is running ({text or 'there are none'})")
    return text


def pipeline(target: Target) -> str:
    """The web nodes can decrypt what an earlier run wrote: the database encryption key is still the same."""
    path, wanted = f"/api/v1/teams/{target.team}/pipelines/{PIPELINE}", config(target)
    try:
        existing = target.ask("GET", f"{path}/config")
    except FailedError as failed:
        if failed.status == requests.codes.server_error:
            raise FailedError(f"{failed}; another encryption key? docs/runbooks/encryption-key.md") from None
        if failed.status != requests.codes.not_found:
            raise
        target.ask("PUT", f"{path}/config", json=wanted)
        target.ask("PUT", f"{path}/unpause")
        return f"{PIPELINE} did not exist; it is set now, and the next run can read it"
    if without_blanks(existing.json()["config"]) == wanted:
        return f"read {PIPELINE}"
    version = "X-Concourse-Config-Version"
    target.ask("PUT", f"{path}/config", json=wanted, headers={version: existing.headers[version]})
    return f"read {PIPELINE} and set it again"


def config(target: Target) -> dict[str, Any]:
    """The pipeline: a build that needs a secret, and the stack's own hosts from where it runs."""
    task = {
        "platform": "linux",
        "image_resource": {"type": "registry-image", "source": {"repository": "busybox", "tag": "1.37"}},
        "params": {"FOUND": f"(({SECRET}))", "URLS": " ".join(target.inside)},
        "run": {"path": "sh", "args": ["-ec", SCRIPT]},
    }
    return {"jobs": [{"name": "look-up", "plan": [{"task": "look-up", "config": task}]}]}


def without_blanks(value: Any) -> Any:
    """A pipeline as it was set: Concourse adds empty fields, such as the name of an image's resource."""
    if isinstance(value, dict):
        return {key: without_blanks(item) for key, item in value.items() if item not in ("", None)}
    return [without_blanks(item) for item in value] if isinstance(value, list) else value


def secret(target: Target) -> str:
    """A worker runs a build, which gets a secret and reaches the stack's own hosts."""
    path = f"/api/v1/teams/{target.team}/pipelines/{PIPELINE}/jobs/look-up/builds"
    build, status = target.ask("POST", path).json()["id"], "pending"
    for _ in target.attempts(2):
        status = target.ask("GET", f"/api/v1/builds/{build}").json()["status"]
        if status == "succeeded":
            reached = f" and reached {len(target.inside)} hosts of the stack" if target.inside else ""
            return f"build {build} got (({SECRET})){reached}"
        if status not in ("pending", "started"):
            why = last_words(target, build)
            parts = [
                f"build {build} {status}: {why or 'no error message'}",
                f"{target.concourse}/builds/{build}",
            ]
            if "undefined var" in why and SECRET in why:
                parts.append(f"{target.write_secret} ?")
            elif "vault" in why.lower():
                parts.append("docs/runbooks/ConcourseVaultLoginFailing.md")
            raise FailedError("; ".join(parts))
    raise FailedError(f"build {build} is still {status}")


def last_words(target: Target, build: int) -> str:
    """The error among the events of a finished build, else the last line of its log; "" if there is none."""
    error = said = ""
    with (
        contextlib.suppress(FailedError, OSError, ValueError, KeyError),
        target.ask("GET", f"/api/v1/builds/{build}/events", stream=True) as answer,
    ):
        for line in answer.iter_lines():
            if line.startswith(b"event: end"):  # the stream stays open
                break
            if not line.startswith(b"data:"):
                continue
            event = json.loads(line[5:])
            if event["event"] == "error":
                error = event["data"]["message"].strip()[:200]
            elif event["event"] == "log":
                said = event["data"]["payload"].strip().rpartition("\n")[2][:200] or said
    return error or said


@contextlib.contextmanager
def alertmanager(target: Target) -> Iterator[Callable[..., requests.Response]]:
    """Asks for Alertmanager's alerts: `ask("GET")`."""
    if not target.kubeconfig:
        raise FailedError("the stack's state has no Kubernetes provider")
    with api_server(target.kubeconfig) as access:
        headers = {"Authorization": f"Bearer {access.token}"}
        yield lambda method, **how: target.ask(
            method, ALERTS, server=access.server, headers=headers, verify=access.ca, **how
        )


def alert(target: Target) -> str:
    """Alertmanager accepts an alert and routes it. Whether Slack shows it, a person has to see."""
    now = datetime.now(UTC)
    test = {
        "labels": {"alertname": "SmokeTest", "severity": "warning"},
        "annotations": {"summary": "A smoke test. It resolves after five minutes."},
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(minutes=5)).isoformat(),
    }
    with alertmanager(target) as ask:
        ask("POST", json=[test])
        for _ in target.attempts(1):
            for each in ask("GET").json():
                if each["labels"]["alertname"] == "SmokeTest":
                    receivers = ", ".join(receiver["name"] for receiver in each["receivers"])
                    return f"Alertmanager sends it to {receivers}; check that Slack shows it"
    raise FailedError("Alertmanager accepted the alert and does not list it")


def watchdog(target: Target) -> str:
    """Prometheus evaluates rules and reports to Alertmanager, which delivers its messages.

    Watchdog is the chart's alert that fires always. Alertmanager lists no alert that is over (api/v2/api.go,
    alertFilter), and for Prometheus it is over four minutes after its last report (rules/alerting.go). The
    check waits for that: a restart is no failure.
    """
    problem = "the time limit is over"
    with alertmanager(target) as ask:
        for _ in target.attempts(5):
            try:
                names = {each["labels"]["alertname"] for each in ask("GET").json()}
            except FailedError as failed:
                problem = str(failed)
                continue
            failing = sorted(name for name in names if name.startswith("Alertmanager"))
            if "Watchdog" in names and not failing:
                return "Prometheus reports to Alertmanager"
            problem = (
                f"Alertmanager has a problem itself: {', '.join(failing)}"
                if failing
                else "Alertmanager has no Watchdog: Prometheus evaluates no rules, or does not reach it"
            )
    raise FailedError(f"{problem}; docs/runbooks/no-alerts.md")


def maintenance(target: Target) -> str:
    """Azure has the database's maintenance window that the stack's state has."""
    if not target.window.id:
        raise FailedError("the stack's state has no database")
    token = azure_token(target.kubeconfig, RESOURCE_MANAGER)
    answer = target.ask(
        "GET", target.window.path, target.window.server, headers={"Authorization": f"Bearer {token}"}
    )
    if problem := target.window.problem(answer.json()):
        raise FailedError(problem)
    return target.window.wanted


CHECKS: Mapping[str, tuple[Callable[[Target], str], float]] = {
    "certificates": (certificates, 60),
    "Concourse's API": (api, 30),
    "a login": (login, 30),
    "workers": (workers, 30),
    "a pipeline is read": (pipeline, 60),
    "a secret in a build": (secret, 300),
    "an alert": (alert, 60),
    "the watchdog": (watchdog, 300),
    "maintenance window": (maintenance, 60),
}
"""Name → check (returns what it found, raises where it failed) and its limit in seconds."""
WATCHDOG = ("the watchdog",)
"""The check that infra repeats all day: it needs no login, starts no build and writes nothing."""


def smoke(
    target: Target, limits: Mapping[str, float] | None = None, *, only: Collection[str] = ()
) -> Iterator[Result]:
    """Run all checks, or `only` some, one after another; those after a failed one too."""
    for name, (check, limit) in CHECKS.items():
        if only and name not in only:
            continue
        start = time.monotonic()
        target.until = start + (limits or {}).get(name, limit)
        try:
            text, passed = check(target), True
        except (FailedError, LoginError) as failed:
            text, passed = str(failed), False
        except (OSError, ValueError, KeyError) as failed:
            text, passed = f"{type(failed).__name__}: {failed}", False
        yield Result(name, passed, text, time.monotonic() - start)


def target(settings: Settings, resources: list[dict[str, Any]], team: str = "") -> Target:
    """The target of a stack, from its settings and its state."""
    known = [each for each in settings.teams if not each.removed and each.user]
    teams = [each for each in known if not team or each.name == team]
    teams = [each for each in teams if each.name != MAIN] or teams
    if not teams:
        raise RefusedError(f"there is no team {team!r}" if team else "there is no team to log in to")
    # The administrator is the only local user of main.
    user = settings.concourse.administrator if teams[0].name == MAIN else teams[0].user
    hosts = settings.host_names
    return Target(
        hosts=list(hosts.values()),
        concourse=f"https://{hosts['concourse']}",
        team=teams[0].name,
        user=user,
        password=password(resources, user),
        kubeconfig=kubeconfig(resources),
        inside=inside(settings, teams[0].name),
        window=window(resources),
        write_secret=f"vault kv put secret/concourse/{teams[0].name}/{SECRET} value=anything"
        if settings.vault.enabled
        else f"kubectl -n {teams[0].namespace} create secret generic {SECRET} --from-literal value=anything",
    )


def inside(settings: Settings, team: str) -> list[str]:
    """URLs of the stack's hosts that need no login and that every worker of a team's builds reaches."""
    pools = [pool for pool in settings.cluster.worker_pools if not pool.tags]
    used = [pool for pool in pools if pool.team == team] or [pool for pool in pools if not pool.team]
    if any(pool.internet_access != "all" for pool in used):
        return []
    hosts = settings.host_names
    paths = {"concourse": "api/v1/info", "charts": "health"}
    return [f"https://{hosts[host]}/{path}" for host, path in paths.items() if host in hosts]


def password(resources: list[dict[str, Any]], user: str) -> str:
    """The password of a local user, from the state."""
    for found in resources:
        if found["urn"].endswith(f":RandomPassword::user-{user}"):
            return str(plain(found["outputs"]["result"]))
    raise RefusedError(f"the state has no password of {user}: has the stack been updated?", 1)
