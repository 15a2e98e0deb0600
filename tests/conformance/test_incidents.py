"""Incidents in a real Prometheus and Alertmanager: the right alerts fire once, and say what to do."""

import base64
import re
import time
from contextlib import ExitStack

import pytest
import requests
import yaml

from components.monitoring import PROMETHEUS_RELEASE
from components.monitoring.alert_rules import rules
from tests.conformance import cluster, watching
from tests.support.recorder import GOLDEN, ROOT, STACKS
from tools import servers
from tools.setup import pin_of

FILE = yaml.safe_load((ROOT / "tests" / "data" / "incidents.yaml").read_text())
INCIDENTS = FILE["incidents"]
STACK = "prod"
KUBERNETES = ("--kube-version", "1.36.0")
REPOSITORY = "https://git.example.org/cd/blob/main/"
SETTLED = 20
"""Seconds without a message. The second Alertmanager sends 15 s after the first, unless that told it."""
LONGEST = 240


def groups(manifests):
    """The groups of rules that a stack has in its cluster."""
    specs = [item["spec"] for item in manifests if item["kind"] == "PrometheusRule"]
    return [group for spec in specs for group in spec["groups"]]


@pytest.fixture(scope="module")
def release(rendered):
    """What `python -m deploy render` writes of the release, and the rules beside it."""

    def stack(name):
        found = rendered(name)
        [one] = [each for each in found.releases if each.name == PROMETHEUS_RELEASE]
        return one, yaml.safe_load(one.values.read_text()), groups(found.manifests)

    return stack


def alerts_of(found):
    return {rule["alert"]: rule.get("for") for group in found for rule in group["rules"] if "alert" in rule}


def seconds(duration):
    """Prometheus' durations, as far as rules have them."""
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[-1]] if duration else 0


@pytest.mark.parametrize("stack", STACKS)
def test_prometheus_loads_every_rule_of_a_stack_and_evaluates_it(release, stack, tmp_path):
    one, values, found = release(stack)
    if chart := cluster.package(one):
        of_the_chart = groups(cluster.template(one, chart, *KUBERNETES))
        # Some look every few minutes; here each looks at once.
        found = [*found, *({**group, "interval": "1s"} for group in of_the_chart)]
    spec = {**values["prometheus"]["prometheusSpec"], "replicas": 1}
    with watching.prometheuses(tmp_path, found, spec) as [url]:
        loaded = wait(lambda: evaluated(url), "a rule was never evaluated")
    assert {rule["name"]: rule["duration"] for rule in loaded if rule["type"] == "alerting"} == {
        name: seconds(duration) for name, duration in alerts_of(found).items()
    }
    assert not [rule["lastError"] for rule in loaded if rule["health"] != "ok"]


def evaluated(url):
    """Rules as Prometheus knows them, once it has looked at each."""
    known = requests.get(f"{url}/api/v1/rules", timeout=10).json()["data"]["groups"]
    found = [rule for group in known for rule in group["rules"]]
    return found if found and not any(rule["health"] == "unknown" for rule in found) else None


def wait(look, otherwise):
    end = time.monotonic() + LONGEST
    while not (found := look()):
        assert time.monotonic() < end, otherwise
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def watched(release, tmp_path_factory):
    """Every incident in a stack of its own, all at the same time, until nothing more is sent."""
    _, values, _ = release(STACK)
    found = watching.quicker([group for _, each in rules(REPOSITORY) for group in each])
    with ExitStack() as stacks:
        every = {
            name: stacks.enter_context(
                watching.watched(
                    tmp_path_factory.mktemp("watched"), found, values, FILE["healthy"] | incident["series"]
                )
            )
            for name, incident in INCIDENTS.items()
        }
        wanted = {name: sorted(incident["alerts"]) for name, incident in INCIDENTS.items()}
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            before = [len(each.slack.messages) for each in every.values()]
            time.sleep(SETTLED)
            sent = [len(each.slack.messages) for each in every.values()]
            if sent == before and all(
                each.slack.messages or not wanted[name] for name, each in every.items()
            ):
                break
        yield every


@pytest.mark.parametrize("incident", INCIDENTS)
def test_the_right_alerts_fire_in_every_replica(watched, incident):
    wanted = sorted(INCIDENTS[incident]["alerts"])
    assert watched[incident].firing() == [wanted] * 4


@pytest.mark.parametrize("incident", INCIDENTS)
def test_each_alert_is_one_message_that_says_what_to_do(watched, incident, pytestconfig):
    found = watched[incident].slack
    titles = [each["attachments"][0]["title"] for each in found.messages]
    assert sorted(re.findall(r"\] (\w+)", " ".join(titles))) == sorted(set(INCIDENTS[incident]["alerts"]))
    file = GOLDEN / "incidents" / f"{incident.replace(' ', '-').lower()}.txt"
    if pytestconfig.getoption("accept"):
        file.write_text(found.shown())
    assert found.shown() == file.read_text(), "if the change is intended, run with --accept and read the diff"


@pytest.fixture(scope="module")
def made(release):
    """What Helm makes of the release, by kind and name."""
    one, _, _ = release(STACK)
    if not (chart := cluster.package(one)):
        pytest.skip(f"the chart {one.chart} {one.version} is not at hand: set CHARTS_DIR")
    items = cluster.template(one, chart, *KUBERNETES)
    return {item["kind"]: item for item in items if item["kind"] in {"Secret", "Prometheus", "Alertmanager"}}


def test_helm_merges_the_configuration_of_alertmanager_as_these_tests_do(release, made):
    _, values, _ = release(STACK)
    found = yaml.safe_load(base64.b64decode(made["Secret"]["data"]["alertmanager.yaml"]))
    assert found == watching.merged(values["alertmanager"]["config"])


def test_the_servers_have_the_versions_of_the_chart(made):
    """Prometheus 3.14 is version 0.314 of its Go module."""
    major, minor, patch = made["Prometheus"]["spec"]["version"].removeprefix("v").split("-")[0].split(".")
    prometheus = pin_of("prometheus", servers.TOOLS["prometheus"].package)[1]
    assert prometheus == f"v0.{major}{minor.zfill(2)}.{patch}"
    alertmanager = pin_of("alertmanager", servers.TOOLS["alertmanager"].package)[1]
    assert alertmanager == made["Alertmanager"]["spec"]["version"]
