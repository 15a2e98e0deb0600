"""Runbooks: what a person who is paged reads first, and that what they name exists in the cluster."""

import re
import shlex
from collections.abc import Iterator

import pytest
import yaml

from components.monitoring.alert_rules import rules
from components.monitoring.dashboards import DASHBOARDS
from tests.support.recorder import ROOT, STACKS, stack_config
from tests.test_docs import code

RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
SEVERITIES = {
    rule["alert"]: rule["labels"]["severity"]
    for _, groups in rules("")
    for group in groups
    for rule in group["rules"]
    if "alert" in rule
}
KINDS = {"deploy": "deployment", "svc": "service"}
NAMED = {"deployment", "statefulset", "service", "secret", "configmap", "job", "cronjob"}
OF_CHARTS = {
    ("cert-manager", "deployment", "cert-manager"),
    ("concourse", "deployment", "concourse-web"),
    ("monitoring", "service", "kube-prometheus-stack-alertmanager"),
    ("monitoring", "service", "kube-prometheus-stack-prometheus"),
    ("vault", "statefulset", "vault"),
}
"""Objects that releases make, as `helm template` shows them at the pinned versions."""
OF_OTHERS = {
    ("cert-manager", "secret", "platform-internal-ca"),
    ("kube-system", "configmap", "cluster-autoscaler-status"),
}
"""Objects that cert-manager and AKS make."""
PODS = {"vault-0": "vault", "consul-server-0": "consul", "influxdb2-0": "monitoring"}
"""Pods of StatefulSets, and their namespaces."""
A_TEAMS = "team-payments"
"""The namespace of a team in a stack without Vault."""


@pytest.fixture(scope="module")
def cluster(run_stack):
    """Namespaces, labels of pods by namespace, and the objects with a name that a stack has."""
    namespaces, labels, objects = {"kube-system", A_TEAMS}, {}, OF_CHARTS | OF_OTHERS
    for resource in run_stack("infra").resources:
        if not resource.type.startswith("kubernetes:"):
            continue
        kind = resource.type.rpartition(":")[2].lower()
        metadata = resource.inputs.get("metadata") or {}
        place, name = metadata.get("namespace"), metadata.get("name", resource.name)
        if kind == "namespace":
            namespaces.add(metadata["name"])
        elif kind == "networkpolicy":
            labels.setdefault(place, []).append(resource.inputs["spec"]["podSelector"].get("matchLabels", {}))
        elif kind in NAMED:
            objects = objects | {(place, kind, name)}
    return namespaces, labels, objects


def commands(text: str) -> Iterator[list[str]]:
    """Each `kubectl` of a page, in words, up to a pipe."""
    for piece in code(text):
        for found in re.findall(r"kubectl ([^|;>]+)", piece):
            yield re.sub(r"['\"]", " ", found).split() if found.count("'") % 2 else shlex.split(found)


def after(words: list[str], flag: str) -> str:
    """The value of a flag."""
    return words[words.index(flag) + 1] if flag in words[:-1] else ""


def missing(text: str, cluster) -> Iterator[str]:
    """What `kubectl` is asked for on a page and a stack does not have. `<pod>` stands for anything."""
    namespaces, labels, objects = cluster
    for words in commands(text):
        place, selector = after(words, "-n"), after(words, "-l")
        if not place or place.startswith("<"):
            continue
        if place not in namespaces:
            yield f"namespace {place}"
        if "=" in selector:
            wanted = dict(pair.split("=") for pair in selector.split(","))
            if not any(wanted.items() <= each.items() for each in labels.get(place, ())):
                yield f"label {selector} in {place}"
        for kind, name in named(words):
            if not name.startswith("<") and (place, kind, name) not in objects and place != A_TEAMS:
                yield f"{kind} {name} in {place}"
        yield from (f"pod {pod} in {place}" for pod, home in PODS.items() if pod in words and home != place)


def named(words: list[str]) -> Iterator[tuple[str, str]]:
    """Objects that a command names, as KIND/NAME or KIND NAME."""
    if "create" in words:  # they are new
        words = [word.removeprefix("--from=") for word in words if word.startswith("--from=")]
    for index, word in enumerate(words):
        kind, slash, name = word.partition("/")
        kind = KINDS.get(kind, kind)
        following = words[index + 1] if index + 1 < len(words) else "-"
        if kind in NAMED and slash:
            yield kind, name
        elif kind in NAMED and not following.startswith("-"):
            yield kind, following


@pytest.mark.parametrize("page", RUNBOOKS, ids=[page.stem for page in RUNBOOKS])
def test_namespaces_labels_and_objects_of_a_runbook_exist(page, cluster):
    assert list(missing(page.read_text(), cluster)) == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("kubectl -n concourse-worker get pods", "namespace concourse-worker"),
        ("kubectl -n concourse logs -l app=concourse-worker", "label app=concourse-worker in concourse"),
        ("kubectl -n vault rollout status statefulset/vaults", "statefulset vaults in vault"),
        ("kubectl -n concourse get secret administrator", "secret administrator in concourse"),
        ("kubectl -n backup create job --from=cronjob/vault by-hand", "cronjob vault in backup"),
        ("kubectl -n vault exec consul-server-0 -- consul members", "pod consul-server-0 in vault"),
    ],
)
def test_a_name_that_the_cluster_does_not_have_is_reported(command, told, cluster):
    assert list(missing(f"`{command}`", cluster)) == [told]


@pytest.mark.parametrize("stack", STACKS)
def test_links_to_runbooks_lead_to_the_repository_that_the_pipelines_deploy(stack):
    repository = yaml.safe_load((ROOT / "pipelines/vars/platform.yml").read_text())["repository"]
    base = stack_config(stack)["platform:monitoring"]["prometheus"]["runbooks"]
    assert base == f"https://github.com/{repository['name']}/blob/{repository['branch']}/"


@pytest.mark.parametrize("alert", SEVERITIES)
def test_a_runbook_names_a_panel_that_links_to_it(alert):
    text = (ROOT / "docs/runbooks" / f"{alert}.md").read_text()
    linking = [
        f"*{panel.title}*"
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
        if panel.runbook == alert and dashboard.uid != "overview"
    ]
    assert not linking or any(panel in text for panel in linking) or "ashboard *Kubernetes /" in text


@pytest.mark.parametrize("alert", SEVERITIES)
def test_a_runbook_begins_with_a_command_and_says_how_bad_it_is_and_when_it_is_over(alert):
    title, command, what, facts, *_ = (ROOT / "docs/runbooks" / f"{alert}.md").read_text().split("\n\n")
    assert title == f"# {alert}"
    assert re.fullmatch(r"    (kubectl|fly|vault|python -m deploy) \S.*", command)
    assert what.endswith(".")
    lines = facts.splitlines()
    assert lines[0] == f"- Severity: {SEVERITIES[alert]}"
    assert [line.partition(": ")[0] for line in lines[1:]] == ["- Users see", "- Over when"]
