"""Charts' own values that nobody must be left with: what each would do, and what stands in its place."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from components.kubernetes.charts import name_of
from tests.support.recorder import RELEASE, STACKS, revealed

MISSING = object()


def web(values):
    return at(values, "web.enabled") is not False


def workers(values):
    return at(values, "worker.enabled") is not False


class Trap(NamedTuple):
    """A value that has to be given."""

    chart: str
    path: str
    good: Any
    """What it has to be, or a function that says whether it is."""
    otherwise: str
    concerns: Callable[[Any], bool] = lambda _: True
    """Whether a release with these values has that part."""


TRAPS = [
    Trap("concourse", "secrets.create", False, "published keys, and the user test with the password test"),
    Trap("concourse", "postgresql.enabled", False, "a database in a pod"),
    Trap("concourse", "postgresql.service.enabled", False, "a Service of a database that is not there"),
    Trap("concourse", "concourse.web.kubernetes.enabled", False, "two credential managers", web),
    Trap("concourse", "concourse.web.kubernetes.createTeamNamespaces", False, "namespaces for nobody", web),
    Trap("concourse", "concourse.web.encryption.enabled", True, "credentials in plain in the database", web),
    Trap("concourse", "concourse.web.postgres.sslmode", lambda m: m.startswith("verify-"), "no TLS", web),
    Trap("concourse", "secrets.postgresCaCert", bool, "the CA's variable is left out", web),
    Trap("concourse", "concourse.web.auth.mainTeam.localUser", lambda u: u != "test", "a known user", web),
    Trap("concourse", "concourse.web.auth.cookieSecure", True, "logins over plain HTTP", web),
    Trap("concourse", "worker.terminationGracePeriodSeconds", lambda s: s > 60, "builds are killed", workers),
    Trap("concourse", "concourse.worker.ephemeral", True, "workers that are gone are waited for", workers),
    Trap("vault", "global.tlsDisable", False, "everything in plain"),
    Trap("vault", "injector.enabled", False, "a webhook on every pod of the cluster"),
    Trap("vault", "server.updateStrategyType", "RollingUpdate", "no update ever reaches a server"),
    Trap("vault", "server.readinessProbe.path", lambda path: "uninitcode=204" in path, "never ready"),
    Trap("vault", "server.ha.enabled", True, "one server, on a disk"),
    Trap("vault", "server.service.publishNotReadyAddresses", False, "a dead server behind vault-active"),
    Trap("consul", "connectInject.enabled", False, "a mesh's webhooks, and kinds that are Traefik's"),
    Trap("consul", "server.connect", False, "a certificate authority that nobody asked for"),
    Trap("consul", "server.resources.limits.cpu", None, "a limit of 100m, below what is requested"),
    Trap("consul", "global.acls.manageSystemACLs", True, "everybody may read Vault's storage"),
    Trap("consul", "global.tls.enabled", True, "everything in plain"),
    Trap("consul", "global.tls.httpsOnly", True, "a plain port beside the other"),
    Trap("consul", "global.gossipEncryption.secretName", bool, "gossip in plain"),
    Trap("kube-prometheus-stack", "grafana.enabled", False, "a second Grafana, with a known password"),
    Trap("kube-prometheus-stack", "prometheus.prometheusSpec.storageSpec", bool, "metrics go with the pod"),
    *(
        Trap("kube-prometheus-stack", f"prometheus.prometheusSpec.{kind}SelectorNilUsesHelmValues", False,
             "nothing but the chart's own is looked at")
        for kind in ("serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig")
    ),
    *(
        Trap("kube-prometheus-stack", f"{part}.enabled", False, "alerts about parts that AKS hides")
        for part in ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy")
    ),
    Trap("grafana", "admin.existingSecret", bool, "the administrator's password is the chart's to make"),
    Trap("influxdb2", "pdb.create", False, "a budget of one pod: no node is ever drained"),
    Trap("influxdb2", "adminUser.existingSecret", bool, "a new password with every update"),
    Trap("telegraf", "pdb.create", False, "a budget of one pod: no node is ever drained"),
    Trap("telegraf", "config.outputs", bool, "measurements for a server that is not there"),
    Trap("telegraf", "config.processors", [], "the example's processor"),
    Trap("telegraf-ds", "config.outputs", bool, "measurements for a server that is not there"),
    Trap("telegraf-ds", "resources.limits.cpu", None, "a limit of 100m"),
    Trap("eck-elasticsearch", "volumeClaimDeletePolicy", "DeleteOnScaledownOnly", "its disks go with it"),
    Trap("fluent-bit", "testFramework.enabled", False, "a test pod of busybox:latest"),
    Trap("fluent-bit", "config.outputs", lambda text: "Suppress_Type_Name" in text, "all is refused"),
    Trap("fluent-bit", "config.outputs", lambda text: text.count("Buffer_Size False") == text.count("[OUT"),
         "answers are cut at 512 KiB, and their chunks are sent without end (fluent-bit 5.1.1, out_es/es.h)"),
    Trap("fluent-bit", "config.outputs", lambda text: "\n    Generate_ID" not in text,
         "chunks that are stored are sent without end (fluent-bit 5.1.1, out_es/es.c: 409 is no success)"),
    Trap("chartmuseum", "env.open.DISABLE_API", False, "no chart can be pushed"),
    Trap("chartmuseum", "env.existingSecret", bool, "a user and password in plain values"),
    Trap("cert-manager", "crds.enabled", True, "no kinds"),
    Trap("traefik", "ports.websecure.transport.respondingTimeouts.readTimeout", "0s", "uploads are cut"),
    Trap("traefik", "image.tag", lambda tag: number(tag) >= (3, 7, 13), "a hole (CVE-2026-85594)"),
]  # fmt: skip


def number(version):
    return tuple(map(int, version.removeprefix("v").split(".")))


def at(values, path):
    """The value at a dotted path."""
    for key in path.split("."):
        if not isinstance(values, dict) or key not in values:
            return MISSING
        values = values[key]
    return values


def caught(trap, values):
    """Whether a release with these values is in the trap."""
    found = at(values, trap.path)
    if not trap.concerns(values):
        return False
    if found is MISSING:
        return True
    return not trap.good(found) if callable(trap.good) else found != trap.good


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap.chart}-{trap.path}")
def test_no_release_is_left_with_what_its_chart_would_do(run_stack, trap):
    for stack in STACKS:
        for release in run_stack(stack).of_type(RELEASE):
            if name_of(release.inputs["chart"], release.inputs["version"]) == trap.chart:
                values = revealed(release.inputs["values"])
                assert not caught(trap, values), f"{stack}, {release.name}: {trap.otherwise}"


@pytest.mark.parametrize(
    ("values", "is_caught"),
    [
        ({}, True),
        ({"pdb": {}}, True),
        ({"pdb": {"create": True}}, True),
        ({"pdb": {"create": False}}, False),
    ],
)
def test_a_value_that_is_missing_or_wrong_is_a_trap(values, is_caught):
    assert caught(Trap("influxdb2", "pdb.create", False, ""), values) == is_caught


def test_a_part_that_a_release_does_not_have_is_no_trap():
    trap = Trap("concourse", "concourse.worker.ephemeral", True, "", workers)
    assert not caught(trap, {"worker": {"enabled": False}})
    assert caught(trap, {"worker": {}})
