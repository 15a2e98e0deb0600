"""What the charts really make, held against the program: policies, names, and room on the nodes."""

import os
import re
from pathlib import Path

import pytest

from components.kubernetes.charts import CHARTS, name_of
from rehearsal.chart_values import FOLDER
from tests.support.cluster_facts import SOLVER, SYSTEM, cluster, listed, written
from tests.support.recorder import RELEASE, STACKS, revealed
from tools import chart_facts

REMEDY = "run make generate CHARTS=FOLDER with the pinned charts (helm pull), and review the diff"
KUBELET = {"telegraf-ds": "asks the kubelet of its own node, nothing else"}
"""Pods that use their account elsewhere than at the API server."""
OF_KUBERNETES = {"kube-prometheus-stack-kubelet", "kube-prometheus-stack-apiserver"}
"""Monitors of Services that no chart makes: the operator's for kubelets, the API server's own."""
NAMED = re.compile(r"\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?\b\.?(?::(\d+))?")


@pytest.fixture(scope="module")
def clusters(run_stack):
    made = {}

    def of(stack):
        if stack not in made:
            made[stack] = cluster(run_stack(stack), stack)
        return made[stack]

    return of


def releases(run_stack, chart):
    """Inputs of the chart's releases, by stack."""
    return {
        stack: [each for each in map(inputs, run_stack(stack).of_type(RELEASE)) if of(each) == chart]
        for stack in STACKS
    }


def inputs(release):
    return revealed(release.inputs)


def of(release):
    return name_of(release["chart"], release["version"])


@pytest.mark.parametrize("chart", CHARTS)
def test_the_facts_are_of_the_pinned_chart_and_of_our_values(run_stack, pytestconfig, chart):
    found = releases(run_stack, chart)
    sums = {stack: {each["name"]: chart_facts.checksum(each["values"]) for each in rows}
            for stack, rows in found.items()}  # fmt: skip
    if pytestconfig.getoption("accept") and "CHARTS_DIR" in os.environ:
        objects = {stack: made_by(rows) for stack, rows in found.items()}
        content = {"version": CHARTS[chart].version, "values": sums, "objects": chart_facts.merged(objects)}
        (FOLDER / f"{chart}.yaml").write_text(written(content))
        listed.cache_clear()
    assert listed(chart).get("version") == CHARTS[chart].version, REMEDY
    assert listed(chart)["values"] == sums, REMEDY


def made_by(rows):
    """The facts of what Helm makes of a stack's releases of a chart."""
    from tests.conformance import cluster as helm  # noqa: PLC0415 only with charts at hand

    facts = []
    for row in rows:
        package = Path(os.environ["CHARTS_DIR"]) / f"{of(row)}-{row['version']}.tgz"
        facts += chart_facts.facts(helm.objects(row, package))
    return facts


@pytest.mark.parametrize("stack", STACKS)
def test_every_account_with_rights_reaches_the_api_server(clusters, stack):
    """Hooks too: without the clean-up Job of Consul's chart no release of Consul ever ends well."""
    there = clusters(stack)
    with_rights = [pod for pod in there.pods if pod.get("token") and pod.get("roles")]
    assert any("hook" in pod for pod in with_rights)
    cut_off = [
        pod["name"]
        for pod in with_rights
        if not pod.get("hostNetwork") and pod["name"] not in KUBELET and not there.reaches_api_server(pod)
    ]
    assert cut_off == []


@pytest.mark.parametrize("stack", STACKS)
def test_prometheus_reaches_every_port_that_it_scrapes(clusters, stack):
    there = clusters(stack)
    [prometheus] = there.of_kind("Prometheus")
    nodes = ports_of_nodes(there, prometheus)
    wrong = []
    for monitor in there.of_kind("ServiceMonitor", "PodMonitor"):
        if monitor["name"] in OF_KUBERNETES:
            continue
        targets = list(scraped(there, monitor))
        if not targets:
            wrong.append(f"{monitor['name']} selects nothing")
        for pod, port in targets:
            reached = port in nodes if pod.get("hostNetwork") else there.allows(prometheus, pod, port)
            if not reached:
                wrong.append(f"{monitor['name']}: {pod['name']}:{port}")
    assert wrong == []


def ports_of_nodes(there, pod):
    """Ports of nodes that a pod may connect to."""
    return {
        int(port["port"])
        for item in there.objects
        if item["kind"] == "CiliumNetworkPolicy"
        and item["metadata"]["namespace"] == pod["namespace"]
        and item["spec"]["endpointSelector"].get("matchLabels", {}).items() <= pod["labels"].items()
        for rule in item["spec"].get("egress", ())
        if "host" in rule.get("toEntities", ())
        for each in rule["toPorts"]
        for port in each["ports"]
    }


def scraped(there, monitor):
    """The (pod, port number) that a monitor leads to; a port that no pod has is None."""
    wanted = monitor["selector"].get("matchLabels", {})
    for namespace in monitor["namespaces"]:
        if monitor["kind"] == "PodMonitor":
            for pod in there.selected(namespace, wanted):
                for endpoint in monitor["ports"]:
                    [port] = endpoint.values()
                    yield pod, number(pod, port)
            continue
        for service in there.of_kind("Service"):
            if service["namespace"] == namespace and wanted.items() <= service["labels"].items():
                for endpoint in monitor["ports"]:
                    if port := endpoint.get("targetPort") or behind(service, endpoint["port"]):
                        for pod in there.selected(namespace, service["selector"]):
                            yield pod, number(pod, port)


def behind(service, name):
    """The pods' port behind a Service's, which is named by its name or number."""
    for port in service["ports"]:
        if name in (port.get("name"), port["port"], str(port["port"])):
            return port.get("targetPort", port["port"])
    return None


def number(pod, port):
    return pod["ports"].get(port) if isinstance(port, str) and not port.isdigit() else int(port)


@pytest.mark.parametrize("stack", STACKS)
def test_the_api_server_reaches_every_webhook(clusters, stack):
    there = clusters(stack)
    [konnectivity] = there.selected(SYSTEM, {"app": "konnectivity-agent"})
    hooks = {tuple(place) for fact in there.facts for place in fact.get("services", ())}
    assert hooks
    for namespace, name, port in hooks:
        service = there.service(namespace, name)
        assert service, f"{name} in {namespace}: no such Service"
        pods = there.selected(namespace, service["selector"])
        assert pods
        for pod in pods:
            assert there.allows(konnectivity, pod, number(pod, behind(service, port))), f"{pod['name']}"


@pytest.mark.parametrize("stack", STACKS)
def test_every_service_that_we_name_is_there_and_reached(clusters, stack):
    """In values of releases and in our own objects: the Service exists, and one who names it may connect."""
    there = clusters(stack)
    wrong = []
    for who, namespaces, text in named_by(there):
        for name, namespace, port in set(NAMED.findall(text)):
            service = there.service(namespace, name)
            if not service:
                if (namespace, name) not in BY_OPERATORS:
                    wrong.append(f"{who} names {name}.{namespace}: no such Service")
                continue
            numbers = [port] if port else [str(each["port"]) for each in service["ports"]]
            reached = [
                pod["name"]
                for pod in there.selected(namespace, service["selector"])
                for source in there.pods
                if source["namespace"] in namespaces
                for one in numbers
                if (target := behind(service, one)) and (at := number(pod, target))
                if there.allows(source, pod, at)
            ]
            if namespaces and not reached:
                wrong.append(f"{who} names {name}.{namespace}:{port}, which nothing in {namespaces} reaches")
    assert wrong == []


BY_OPERATORS = {("logging", "logging-es-http"), ("logging", "logging-kb-http")}
"""Services that ECK makes (cloud-on-k8s, pkg/controller/elasticsearch/services and pkg/controller/kibana)."""


WITH_PODS = ("Job", "CronJob", "Secret")
"""Kinds of ours whose words come to a pod of their namespace."""


def named_by(there):
    """(Who, the namespaces of its pods, everything that it says)."""
    for name, release in there.releases.items():
        yield (
            f"release {name}",
            {release["namespace"], *namespaces_of(there, release)},
            str(release["values"]),
        )
    for item in there.objects:
        if item["kind"] not in ("NetworkPolicy", "Certificate"):
            where = {item["metadata"].get("namespace", "")} if item["kind"] in WITH_PODS else set()
            yield f"{item['kind']} {item['metadata']['name']}", where, str(item)


def namespaces_of(there, release):
    return {fact["namespace"] for fact in chart_facts.of_stack(listed(of(release))["objects"], "prod")}


@pytest.mark.parametrize("stack", STACKS)
def test_routes_lead_to_a_service_that_traefik_reaches(clusters, stack):
    there = clusters(stack)
    [traefik] = there.selected("ingress", {"app.kubernetes.io/name": "traefik"})
    routes = [item for item in there.objects if item["kind"] == "IngressRoute"]
    assert routes
    for item in routes:
        namespace = item["metadata"]["namespace"]
        for backend in (each for route in item["spec"]["routes"] for each in route["services"]):
            if (namespace, backend["name"]) in BY_OPERATORS:
                [pod] = there.of_kind("Kibana")
                assert there.allows(traefik, pod, 5601)
                continue
            service = there.service(namespace, backend["name"])
            assert service, f"{backend['name']} in {namespace}: no such Service"
            pods = there.selected(namespace, service["selector"])
            assert pods
            for pod in pods:
                port = number(pod, behind(service, int(backend["port"])))
                assert there.allows(traefik, pod, port), f"{pod['name']}:{port}"


@pytest.mark.parametrize("stack", STACKS)
def test_every_selector_of_a_policy_selects_a_pod(clusters, stack):
    there = clusters(stack)
    blind = set()
    for item in there.objects:
        if item["kind"] == "NetworkPolicy":
            namespace, spec = item["metadata"]["namespace"], item["spec"]
            places = [(namespace, spec["podSelector"])]
            for rule in (*spec.get("egress", ()), *spec.get("ingress", ())):
                for peer in (*rule.get("to", ()), *rule.get("from", ())):
                    if "podSelector" in peer:
                        name = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                        places.append((name, peer["podSelector"]))
            for where, selector in places:
                labels = selector.get("matchLabels", {})
                if labels and labels != SOLVER and not there.selected(where, labels):
                    blind.add((where, tuple(labels.items())))
    assert blind - ABSENT.get(stack, set()) == set()


HTTPS_WORKERS = ("concourse-workers", (("internet-access", "https"),))
ABSENT = {stack: {HTTPS_WORKERS} for stack in ("staging", "prod", "demo")}
"""Selectors of what a stack's settings leave out: only infra has workers with https alone."""
