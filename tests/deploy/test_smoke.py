"""Smoke checks report what they found and keep their time limits.

The stub answers follow Concourse's API (atc/api) and Alertmanager's (api/v2). No test uses a real server.
"""

import contextlib
import json
import socket
import ssl
import sys
import threading
import time

import pytest

from components.settings import validate
from deploy import smoke
from deploy.cluster_access import kubeconfig
from deploy.maintenance import SERVER, window
from deploy.render import SECRET
from deploy.smoke import CHECKS, FailedError, Target
from deploy.stack_file import RefusedError, settings
from tests.conformance.certificates import Authority
from tests.support.recorder import STACKS, stack_config

TEAM = "/api/v1/teams/payments"
CONFIGURED = f"{TEAM}/pipelines/smoke/config"
BUILDS = f"{TEAM}/pipelines/smoke/jobs/look-up/builds"
EVENTS = "GET /api/v1/builds/7/events"
ERRORED = {"GET /api/v1/builds/7": {"id": 7, "status": "errored"}}
WRITE = "vault kv put secret/concourse/payments/smoke value=anything"
INSIDE = ("https://ci.example.org/api/v1/info", "https://charts.ci.example.org/health")
DATABASE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/db"
WINDOW = {"customWindow": "Enabled", "dayOfWeek": 0, "startHour": 2, "startMinute": 0}
RECORDED = {
    "jobs": [
        {
            "name": "look-up",
            "plan": [
                {
                    "task": "look-up",
                    "config": {
                        "platform": "linux",
                        "image_resource": {
                            "name": "",
                            "type": "registry-image",
                            "source": {"repository": "busybox", "tag": "1.37"},
                        },
                        "params": {"FOUND": "((smoke))", "URLS": " ".join(INSIDE)},
                        "run": {"path": "sh", "args": ["-ec", smoke.SCRIPT]},
                    },
                }
            ],
        }
    ]
}
"""The pipeline as Concourse 8.2.5 shows it."""
WORKERS = [{"name": "a", "state": "running"}, {"name": "b", "state": "stalled"}]


def proxied(path):
    return f"/api/v1/namespaces/monitoring/services/http:kube-prometheus-stack-alertmanager:9093/proxy{path}"


def alerts(*names):
    """Alerts as Alertmanager lists them."""
    return [{"labels": {"alertname": name}, "receivers": [{"name": "slack"}]} for name in names]


def events(message):
    """The events of a build that ended with an error."""
    error = {"data": {"message": message, "origin": {}}, "event": "error", "version": "4.1"}
    return log("vault", error)


def log(text, *more):
    """The events of a build that wrote to its log."""
    written = {"data": {"payload": f"{text}\n", "origin": {}}, "event": "log", "version": "5.1"}
    stream = (
        f"id: {n}\nevent: event\ndata: {json.dumps(each)}\n\n" for n, each in enumerate([written, *more])
    )
    return "".join(stream) + "id: 2\nevent: end\ndata\n\n"


@pytest.fixture
def healthy(httpserver, monkeypatch):
    """A server with the answers of a healthy platform; some can be changed."""
    base = httpserver.url_for("").rstrip("/")
    answers = {
        "GET /api/v1/info": {"version": "8.2.5", "worker_version": "2.5", "external_url": base},
        "POST /sky/issuer/token": {"access_token": "abc", "token_type": "Bearer"},
        "GET /api/v1/user": {"user_name": "svc-payments", "teams": {"payments": ["member"]}},
        "GET /api/v1/workers": WORKERS,
        f"GET {CONFIGURED}": {"config": RECORDED},
        f"POST {BUILDS}": {"id": 7, "status": "pending"},
        "GET /api/v1/builds/7": {"id": 7, "status": "succeeded"},
        f"GET {proxied('/api/v2/alerts')}": alerts("SmokeTest", "Watchdog"),
        f"POST {proxied('/api/v2/alerts')}": None,
        f"GET {DATABASE}": {"properties": {"maintenanceWindow": WINDOW}},
    }
    monkeypatch.setenv("AZURE_RESOURCE_MANAGER", base)

    def answered(**changed):
        httpserver.clear()
        for key, answer in (answers | changed).items():
            method, path = key.split(" ")
            expected = httpserver.expect_request(path, method=method)
            if isinstance(answer, tuple):
                expected.respond_with_data(answer[1], status=answer[0])
            elif answer is None:
                expected.respond_with_data("")
            else:
                expected.respond_with_json(answer, headers={"X-Concourse-Config-Version": "3"})
        token = json.dumps({"status": {"token": "t"}})
        access = {
            "clusters": [{"cluster": {"server": base, "certificate-authority-data": ""}}],
            "users": [{"user": {"exec": {"command": sys.executable, "args": ["-c", f"print({token!r})"]}}}],
        }
        there = window([{"type": SERVER, "id": DATABASE, "inputs": {"maintenanceWindow": WINDOW}}])
        return Target((), base, "payments", "svc-payments", "pw", json.dumps(access), INSIDE, there, WRITE)

    return answered


def seen(target, **limits):
    return {
        each.check: each for each in smoke.smoke(target, {k.replace("_", " "): v for k, v in limits.items()})
    }


@pytest.fixture
def no_certificates(monkeypatch):
    """Leaves out the check of certificates."""
    monkeypatch.setitem(CHECKS, "certificates", (lambda *_: "left out", 1))


@pytest.mark.usefixtures("no_certificates")
def test_all_checks_pass_on_a_healthy_platform(healthy):
    found = seen(healthy())
    assert [each.check for each in found.values() if not each.passed] == []
    assert found["Concourse's API"].text == "version 8.2.5"
    assert found["a login"].text == "svc-payments is member of payments"
    assert found["workers"].text == "1 running, 1 stalled"
    assert found["a pipeline is read"].text == "read smoke"
    assert found["a secret in a build"].text == "build 7 got ((smoke)) and reached 2 hosts of the stack"
    assert "sends it to slack; check that Slack shows it" in found["an alert"].text
    assert found["maintenance window"].text == "Sunday 02:00 UTC"


@pytest.mark.usefixtures("no_certificates")
@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("Concourse's API", {"GET /api/v1/info": (502, "bad gateway")}, "answers 502: bad gateway"),
        (
            "Concourse's API",
            {"GET /api/v1/info": {"version": "8.2.5", "external_url": "https://x"}},
            "https://x",
        ),
        ("a login", {"POST /sky/issuer/token": (401, '{"error":"access_denied"}')}, "401"),
        ("a login", {"GET /api/v1/user": {"teams": {}}}, "its teams are: none"),
        ("workers", {"GET /api/v1/workers": []}, "no worker is running (there are none)"),
        ("workers", {"GET /api/v1/workers": [{"state": "stalled"}]}, "no worker is running (1 stalled)"),
        (
            "a pipeline is read",
            {f"GET {CONFIGURED}": (500, "cipher: message authentication failed")},
            "500: cipher: message authentication failed",
        ),
        ("a secret in a build", ERRORED, "build 7 errored: no error message"),
        (
            "a secret in a build",
            {
                "GET /api/v1/builds/7": {"id": 7, "status": "failed"},
                EVENTS: (200, log("wget: timed out\nthis worker does not reach https://ci.example.org/")),
            },
            "build 7 failed: this worker does not reach https://ci.example.org/; ",
        ),
        (
            "a pipeline is read",
            {f"GET {CONFIGURED}": (500, "")},
            "another encryption key? docs/runbooks/encryption-key.md",
        ),
        (
            "a secret in a build",
            ERRORED | {EVENTS: (200, events("undefined vars: smoke"))},
            "vault kv put secret/",
        ),
        (
            "a secret in a build",  # its secret id is no good any more, or no Vault answers its login
            ERRORED | {EVENTS: (200, events("timed out to login to vault"))},
            "timed out to login to vault; ",
        ),
        (
            "a secret in a build",  # Vault is out of reach, with a login that is still good
            ERRORED
            | {EVENTS: (200, events('Get "https://vault-active.vault.svc:8200/v1/secret": i/o timeout'))},
            "docs/runbooks/ConcourseVaultLoginFailing.md",
        ),
        ("an alert", {f"POST {proxied('/api/v2/alerts')}": (503, "no endpoints")}, "503: no endpoints"),
        ("an alert", {f"GET {proxied('/api/v2/alerts')}": alerts("Watchdog")}, "does not list it"),
        (
            "the watchdog",
            {f"GET {proxied('/api/v2/alerts')}": alerts("SmokeTest", "VaultSealed")},
            "has no Watchdog: Prometheus evaluates no rules, or does not reach it; docs/runbooks/no-",
        ),
        (
            "the watchdog",
            {
                f"GET {proxied('/api/v2/alerts')}": alerts(
                    "SmokeTest", "Watchdog", "AlertmanagerFailedToSendAlerts"
                )
            },
            "Alertmanager has a problem itself: AlertmanagerFailedToSendAlerts;",
        ),
        (
            "maintenance window",  # as Azure creates every server (azure-rest-api-specs, PostgreSQL)
            {f"GET {DATABASE}": {"properties": {"maintenanceWindow": WINDOW | {"customWindow": "Disabled"}}}},
            "it is any time that Azure chooses, and should be Sunday 02:00 UTC. Set it by hand: az postgres",
        ),
        (
            "maintenance window",
            {f"GET {DATABASE}": {"properties": {"maintenanceWindow": WINDOW | {"startHour": 12}}}},
            "it is Sunday 12:00 UTC, and should be Sunday 02:00 UTC",
        ),
        (
            "maintenance window",  # a standby that the stack file does not have
            {f"GET {DATABASE}": {"properties": {"highAvailability": {"mode": "SameZone"}}}},
            "its standby is SameZone, and should be Disabled: docs/runbooks/restore-database.md",
        ),
        ("maintenance window", {f"GET {DATABASE}": (403, "AuthorizationFailed")}, "403"),
    ],
)
def test_only_the_broken_check_fails_and_the_others_still_run(healthy, question, answer, expected):
    found = seen(healthy(**answer), an_alert=0.5, the_watchdog=0.5)
    assert list(found) == list(CHECKS)
    assert not found[question].passed
    assert expected in found[question].text
    assert {each.check for each in found.values() if not each.passed} == {question}


def test_a_restart_of_alertmanager_is_no_failure_and_a_longer_absence_is_one(healthy, httpserver):
    target = healthy(**{f"GET {proxied('/api/v2/alerts')}": (503, "no endpoints")})
    [found] = smoke.smoke(target, {"the watchdog": 0.5}, only=smoke.WATCHDOG)
    assert "503: no endpoints; docs/runbooks/no-alerts.md" in found.text
    httpserver.clear()
    path = proxied("/api/v2/alerts")
    httpserver.expect_oneshot_request(path).respond_with_data("no endpoints", status=503)
    httpserver.expect_request(path).respond_with_json(alerts("Watchdog"))
    [found] = smoke.smoke(target, {"the watchdog": 20}, only=smoke.WATCHDOG)
    assert found.passed, found.text


def test_the_watchdog_alone_asks_for_alerts_and_nothing_else(healthy, httpserver):
    [found] = smoke.smoke(healthy(), only=smoke.WATCHDOG)
    assert (found.check, found.passed) == ("the watchdog", True)
    assert [(asked.method, asked.path) for asked, _ in httpserver.log] == [("GET", proxied("/api/v2/alerts"))]


class Clock:
    """A clock on which only sleeping takes time."""

    now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.usefixtures("no_certificates")
def test_a_build_that_does_not_end_fails_at_the_time_limit(healthy, monkeypatch):
    monkeypatch.setattr(smoke, "time", clock := Clock())
    found = seen(healthy(**{"GET /api/v1/builds/7": {"id": 7, "status": "started"}}), a_secret_in_a_build=5)
    assert found["a secret in a build"].text == "build 7 is still started"
    assert clock.now == 5


@pytest.mark.usefixtures("no_certificates")
def test_the_first_run_sets_the_pipeline_for_later_runs(healthy, httpserver):
    target = healthy(**{f"GET {CONFIGURED}": (404, "pipeline not found")})
    httpserver.expect_request(CONFIGURED, method="PUT").respond_with_data("")
    found = seen(target)
    put, _ = [request for request, _ in httpserver.log if request.method == "PUT"]
    assert json.loads(put.data) == smoke.without_blanks(RECORDED)
    assert put.headers["Content-Type"] == "application/json"
    assert put.headers["Authorization"] == "Bearer abc"
    assert "unpause" in found["a pipeline is read"].text  # which this server does not do


def of_hosts(*hosts):
    return Target(hosts, "", "", "", "", "", until=time.monotonic() + 5)


@pytest.fixture
def encrypted(tmp_path, monkeypatch):
    """A server with a certificate for one day; returns the PEM of its CA."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(smoke, "HTTPS", listening.getsockname()[1])

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    plain, _ = listening.accept()
                    with (
                        plain,
                        contextlib.suppress(ssl.SSLError),
                        context.wrap_socket(plain, server_side=True),
                    ):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield authority.certificate
        listening.shutdown(socket.SHUT_RDWR)


def test_a_certificate_close_to_its_expiry_fails(encrypted, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted))
    with pytest.raises(FailedError, match=r"^localhost in 1 days: it was not renewed$"):
        smoke.certificates(of_hosts("localhost"))
    monkeypatch.setattr(smoke, "RENEWED", 0.5)
    assert smoke.certificates(of_hosts("localhost")).endswith("the first to expire is localhost in 1 days")


@pytest.mark.usefixtures("encrypted")
def test_a_certificate_of_an_unknown_ca_fails():
    with pytest.raises(FailedError, match=r"self-signed certificate|unable to get local issuer"):
        smoke.certificates(of_hosts("localhost"))


def test_a_host_that_does_not_answer_fails(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(smoke, "HTTPS", server.getsockname()[1])
    with pytest.raises(FailedError, match=r"^localhost: .*refused"):
        smoke.certificates(of_hosts("localhost"))


def state(user="svc-payments"):
    kubeconfig = {
        "clusters": [{"cluster": {"server": "https://x:443", "certificate-authority-data": "UEVN"}}],
        "users": [{"user": {"exec": {"command": "kubelogin", "args": ["get-token"]}}}],
    }
    mark = {SECRET: "1b47061264138c4ac30d75fd1eb44270"}
    random = (
        f"urn:pulumi:prod::platform::platform:index:LocalUsers$random:index/x:RandomPassword::user-{user}"
    )
    return [
        {"urn": random, "type": "random", "outputs": {"result": mark | {"plaintext": '"pw"'}}},
        {
            "urn": "urn:pulumi:prod::platform::pulumi:providers:kubernetes::kubernetes",
            "type": "pulumi:providers:kubernetes",
            "inputs": {"kubeconfig": mark | {"plaintext": json.dumps(json.dumps(kubeconfig))}},
        },
    ]


def test_the_target_comes_from_the_stack_file_and_the_state():
    prod = settings("prod")
    found = smoke.target(prod, state())
    assert (found.team, found.user, found.password) == ("payments", "svc-payments", "pw")
    assert found.concourse == "https://ci.example.org"
    assert found.hosts == list(prod.host_names.values())
    assert json.loads(found.kubeconfig)["clusters"][0]["cluster"]["server"] == "https://x:443"
    assert not kubeconfig([])


@pytest.mark.parametrize("stack", STACKS)
def test_the_user_of_the_login_is_a_local_user_of_the_stack(run_stack, stack):
    mark = {SECRET: "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"pw"'}
    made = run_stack(stack).of_type("random:index/randomPassword:RandomPassword")
    resources = [{"urn": each.urn, "type": each.type, "outputs": {"result": mark}} for each in made]
    assert smoke.target(settings(stack), resources).password == "pw"


@pytest.mark.parametrize("stack", STACKS)
def test_the_build_asks_the_own_hosts_of_the_stack_if_its_workers_may(stack):
    """On infra the team's own workers take only steps with their tag, so that the build runs on others."""
    chosen = settings(stack)
    hosts, team = chosen.host_names, next(team.name for team in reversed(chosen.teams))
    assert [url.split("/")[2] for url in smoke.inside(chosen, team)] == [hosts["concourse"], hosts["charts"]]
    closed = [pool.model_copy(update={"internet_access": "https"}) for pool in chosen.cluster.worker_pools]
    cluster = chosen.cluster.model_copy(update={"worker_pools": tuple(closed)})
    assert smoke.inside(chosen.model_copy(update={"cluster": cluster}), team) == []


@pytest.mark.usefixtures("no_certificates")
def test_another_error_of_a_build_gets_no_hint_at_a_variable(healthy):
    why = {EVENTS: (200, events("base resource type not found: registry-image"))}
    found = seen(healthy(**ERRORED | why))["a secret in a build"].text
    assert "base resource type not found" in found
    assert "vault kv put" not in found


def test_without_vault_and_charts_the_build_gets_a_secret_of_kubernetes_and_asks_concourse_alone():
    config = stack_config("demo")
    config |= {f"platform:{part}": {"enabled": False} for part in ("vault", "chartmuseum")}
    chosen = validate(config, "demo")
    found = smoke.target(chosen, state("admin"))
    assert found.write_secret.startswith("kubectl -n team-main create secret generic smoke ")
    assert [url.split("/")[2] for url in found.inside] == ["demo.delivery.example.org"]
    assert {host.partition(".")[0] for host in found.hosts} == {"demo", "grafana", "kibana"}


def test_a_missing_password_or_team_is_reported():
    with pytest.raises(RefusedError, match="the state has no password of svc-payments"):
        smoke.target(settings("prod"), [])
    with pytest.raises(RefusedError, match="there is no team 'pay'"):
        smoke.target(settings("prod"), [], "pay")
