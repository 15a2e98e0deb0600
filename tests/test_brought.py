"""What a stack file brings along, in combinations: each is used, nothing of it is made or changed."""

import os
import re
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from components.kubernetes.charts import CHARTS, name_of
from components.kubernetes.mirror import CHARTS as MIRRORED
from components.kubernetes.mirror import WITHOUT_IMAGES, mirrored
from components.settings import SettingsError, validate
from tests.support.brought import ALL, HUB, MIRROR, bringing, set_
from tests.support.cluster_facts import listed
from tests.support.recorder import RELEASE, revealed, stack_config

THINGS = tuple(ALL)
ROWS = [
    tuple(thing for at, thing in enumerate(THINGS, start=1) if (row & at).bit_count() % 2) for row in range(8)
] + [THINGS]
"""An orthogonal array of strength two (Hadamard, 8 by 7): each pair of things is there in all four ways."""
MADE = {
    # thing: resources that are there with it less those without it, by type
    "network": {
        "network:VirtualNetwork": -1, "network:Subnet": -3, "network:NetworkSecurityGroup": -3,
        "network:NatGateway": -1, "network:PublicIPAddress": -2, "privatedns:PrivateZone": -1,
        "privatedns:VirtualNetworkLink": -1, "authorization:RoleAssignment": -2,
        "monitor:MetricAlert": -2,
    },
    "private": {"authorization:RoleAssignment": 2},
    "postgresql": {
        "dbforpostgresql:Server": -1, "dbforpostgresql:Database": -1, "dbforpostgresql:Configuration": -3,
        "network:Subnet": -1, "network:NetworkSecurityGroup": -1, "privatedns:PrivateZone": -1,
        "privatedns:VirtualNetworkLink": -1, "monitor:DiagnosticSetting": -1, "monitor:MetricAlert": -4,
    },
    "workspace": {"operationalinsights:Workspace": -1},
    "nodes": {}, "mirror": {}, "proxy": {},
}  # fmt: skip
SHARED = {
    ("network", "postgresql"): {
        "network:Subnet": 1, "network:NetworkSecurityGroup": 1, "privatedns:PrivateZone": 1,
        "privatedns:VirtualNetworkLink": 1, "monitor:ActionGroup": -1,
    },
}  # fmt: skip
"""What two things both leave out is left out once. Without a database and a gateway nothing is watched."""
BESIDE = {"network": -1, "postgresql": -2}
"""Components, and the password of a server of ours, less or more."""


def test_each_pair_of_things_is_there_in_all_four_ways():
    for first in THINGS:
        for second in THINGS:
            if first != second:
                assert len({(first in row, second in row) for row in ROWS}) == 4


@pytest.fixture(scope="module")
def made(run_config):
    return lambda *things: run_config("staging", bringing(stack_config("staging"), *things))


def counts(recorder):
    azure = [r.type.removeprefix("azure-native:") for r in recorder.resources if r.type.startswith("azure")]
    return Counter(azure)


@pytest.mark.parametrize("row", ROWS, ids="+".join)
def test_a_combination_makes_what_it_has_to_and_no_more(made, row):
    wanted = counts(made())
    for thing in row:
        wanted.update(MADE[thing])
    for pair, shared in SHARED.items():
        if {*pair} <= {*row}:
            wanted.update(shared)
    found = made(*row)
    assert counts(found) == Counter({type_: n for type_, n in wanted.items() if n})
    # In the cluster nothing else is made: a Job less for each of our own servers' passwords at most.
    rest = len(made().resources) - sum(counts(made()).values())
    own = len(found.resources) - sum(counts(found).values())
    unwatched = {"network", "postgresql"} <= {*row}
    assert own == rest + sum(BESIDE.get(thing, 0) for thing in row) - unwatched


@pytest.mark.parametrize("row", ROWS, ids="+".join)
def test_nothing_of_somebody_elses_is_made(made, row):
    """Its IDs are inputs of what we make. Only role assignments are made there, and they are ours."""
    for resource in made(*row).resources:
        assert resource.inputs.get("resourceGroupName") != "hub", resource.urn
        if str(resource.inputs.get("scope", "")).startswith(HUB):
            assert resource.type == "azure-native:authorization:RoleAssignment"


def egress(policies, namespace, name):
    """The rules of a policy, by peer."""
    [found] = [
        each.inputs["spec"]["egress"]
        for each in policies
        if each.inputs["metadata"] == {"name": name, "namespace": namespace}
    ]
    return [
        (peer["ipBlock"]["cidr"], [port["port"] for port in rule.get("ports", ())])
        for rule in found
        for peer in rule["to"]
        if "ipBlock" in peer
    ]


POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
FROM = [
    ("concourse", "web-egress"), ("vault", "servers-egress"), ("vault", "init-egress"),
    ("cert-manager", "all-egress"), ("monitoring", "alertmanager-egress"), ("logging", "elastalert-egress"),
    ("backup", "consul-egress"), ("concourse-workers", "internet-egress"),
    ("concourse-workers", "https-egress"),
]  # fmt: skip
"""Those who reach the internet."""


def cluster(recorder):
    return recorder.one("azure-native:containerservice:ManagedCluster").inputs


def values(recorder):
    return {each.name: revealed(each.inputs)["values"] for each in recorder.of_type(RELEASE)}


def test_a_network_behind_a_firewall_has_no_way_around_it(made):
    found = made("network")
    assert found.of_type("azure-native:network:PublicIPAddress") == []
    assert cluster(found)["networkProfile"]["outboundType"] == "userDefinedRouting"
    assert "203.0.113.9/32" in cluster(found)["apiServerAccessProfile"]["authorizedIPRanges"]
    service = values(found)["traefik"]["service"]["annotations"]
    assert service["service.beta.kubernetes.io/azure-load-balancer-internal"] == "true"
    [address] = {
        record["ipv4Address"]
        for each in found.of_type("azure-native:dns:RecordSet")
        for record in each.inputs.get("aRecords", ())
    }
    assert address == "203.0.113.9"
    subnet = f"{HUB}Microsoft.Network/virtualNetworks/spoke/subnets/nodes"
    vault = found.one("azure-native:keyvault:Vault").inputs["properties"]["networkAcls"]
    assert [rule["id"] for rule in vault["virtualNetworkRules"]] == [subnet]
    pools = found.of_type("azure-native:containerservice:AgentPool")
    assert {each.inputs["vnetSubnetID"] for each in pools} == {subnet}


@pytest.mark.parametrize(("stack", "zone"), [("staging", "staging"), ("prod", "prod")])
def test_stacks_in_one_network_have_private_zones_of_different_names(run_config, stack, zone):
    """Azure links a network to one private zone of a name only."""
    config = bringing(stack_config(stack), "network")
    del config["platform:network"]["existing"]["databaseZone"]
    found = run_config(stack, config)
    made = found.one("azure-native:privatedns:PrivateZone").inputs
    assert made["privateZoneName"] == f"{zone}.private.postgres.database.azure.com"
    link = found.one("azure-native:privatedns:VirtualNetworkLink").inputs
    assert link["virtualNetwork"]["id"] == f"{HUB}Microsoft.Network/virtualNetworks/spoke"


def test_a_public_database_admits_the_firewalls_addresses(run_config):
    config = bringing(stack_config("demo"), "network")
    config["platform:network"]["existing"]["egressRanges"] = ["203.0.113.8/30"]
    rule = run_config("demo", config).one("azure-native:dbforpostgresql:FirewallRule").inputs
    assert (rule["startIpAddress"], rule["endIpAddress"]) == ("203.0.113.8", "203.0.113.11")


def test_a_private_api_server_is_reached_by_whoever_reached_the_public_one(made):
    found = made("private")
    profile = cluster(found)["apiServerAccessProfile"]
    assert profile["enablePrivateCluster"] is True
    assert "authorizedIPRanges" not in profile
    nodes = stack_config("staging")["platform:network"]["subnets"]["nodes"]
    policies = found.of_type(POLICY)
    for place in FROM:
        assert (nodes, [443]) in egress(policies, *place), place
        assert (nodes, [443]) not in egress(made().of_type(POLICY), *place)
    ranges = {
        each.name: each.inputs["spec"]["ipAllowList"]["sourceRange"]
        for each in found.resources
        if each.name.endswith("-public-sources")
    }
    assert ranges["kibana-public-sources"] == ["10.9.0.0/16"]


def test_the_kubeconfig_of_a_private_cluster_has_its_public_name_if_it_is_to(run_config):
    for public in (True, False):
        config = bringing(stack_config("demo"), "private")
        config["platform:cluster"]["private"]["publicFqdn"] = public
        calls = run_config("demo", config).calls
        [asked] = [each.args for each in calls if each.token.endswith("listManagedClusterUserCredentials")]
        assert asked.get("serverFqdn") == ("public" if public else None)


def test_builds_reach_private_ranges_only_if_a_stack_file_has_them(run_config, made):
    config = stack_config("staging")
    config["platform:workers"] = {**config["platform:workers"], "privateRanges": ["10.30.0.0/20"]}
    policies = run_config("staging", config).of_type(POLICY)
    assert ("10.30.0.0/20", []) in egress(policies, "concourse-workers", "internet-egress")
    assert ("10.30.0.0/20", [443]) in egress(policies, "concourse-workers", "https-egress")
    before = egress(made().of_type(POLICY), "concourse-workers", "internet-egress")
    assert [cidr for cidr, _ in before] == ["0.0.0.0/0"]


def test_a_job_makes_role_and_database_on_an_existing_server(made):
    found = made("postgresql")
    assert ("10.9.4.0/28", [5433]) in egress(found.of_type(POLICY), "concourse", "web-egress")
    postgres = values(found)["concourse"]["concourse"]["web"]["postgres"]
    assert (postgres["host"], postgres["port"], postgres["database"]) == (
        "pg.example.org", 5433, "concourse-staging")  # fmt: skip
    job = found.named("kubernetes:batch/v1:Job")["database-role"].inputs["spec"]["template"]["spec"]
    [container] = job["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert (variables["PGUSER"], variables["PGPORT"]) == ("platform", "5433")
    assert "database.sql" in container["command"][2]
    files = found.named("kubernetes:core/v1:ConfigMap")["database-role"].inputs["data"]
    assert files.keys() == {"role.sql", "database.sql", "roots.pem"}
    secret = found.named("kubernetes:core/v1:Secret")["database-role"].inputs["stringData"]
    assert revealed(secret)["PGPASSWORD"] == "rehearsed-password-of-the-database"


def test_without_an_administrator_the_role_is_taken_as_it_is(run_config):
    config = bringing(stack_config("demo"), "postgresql")
    del config["platform:database"]["existing"]["administrator"]
    found = run_config("demo", config)
    assert "database-role" not in found.named("kubernetes:batch/v1:Job")
    web = revealed(found.named("kubernetes:core/v1:Secret")["concourse-web"].inputs["stringData"])
    assert web["postgresql-password"] == "rehearsed-password-of-the-database"


def test_spot_workers_have_azures_taint_and_no_surge(made):
    found = made("nodes")
    [pool] = [
        each.inputs
        for each in found.of_type("azure-native:containerservice:AgentPool")
        if each.inputs.get("scaleSetPriority") == "Spot"
    ]
    assert (pool["scaleSetEvictionPolicy"], pool["spotMaxPrice"]) == ("Delete", -1)
    assert "upgradeSettings" not in pool
    taints = {"kubernetes.azure.com/scalesetpriority=spot:NoSchedule", "sku=spot:NoSchedule"}
    assert taints < {*pool["nodeTaints"]}
    assert pool["nodeLabels"]["kubernetes.azure.com/scalesetpriority"] == "spot"
    tolerated = values(found)[pool["agentPoolName"]]["worker"]["tolerations"]
    assert {f"{t['key']}={t['value']}:{t['effect']}" for t in tolerated} == {*pool["nodeTaints"]}
    for each in found.resources:
        if "tags" in each.inputs and each.type.startswith("azure-native:"):
            assert each.inputs["tags"]["data-class"] == "internal", each.urn


def test_the_workspace_gets_azures_logs_of_cluster_key_vault_and_database(made):
    found = made("workspace").named("azure-native:monitor:DiagnosticSetting")
    logs = {name: [log["category"] for log in each.inputs["logs"]] for name, each in found.items()}
    assert logs == {
        "diagnostics-cluster": ["kube-audit-admin", "guard"],
        "diagnostics-keys": ["AuditEvent"],
        "diagnostics-database": ["PostgreSQLLogs"],
    }
    for each in found.values():
        assert each.inputs["workspaceId"].startswith(HUB)
        assert each.inputs["resourceUri"].startswith("subscriptions/")


def test_whoever_reaches_the_internet_reaches_the_proxy_and_the_rest_directly(made):
    found = made("proxy")
    config = cluster(found)["httpProxyConfig"]
    assert config["httpProxy"] == config["httpsProxy"] == "http://10.9.1.4:3128"
    for place in FROM:
        assert ("10.9.1.4/32", [3128]) in egress(found.of_type(POLICY), *place), place
    staging = stack_config("staging")
    direct = {
        ".svc",
        ".cluster.local",
        "10.0.0.1",
        "10.0.0.0/16",
        staging["platform:network"]["addressSpace"],
    }
    # They admit the nodes' subnet, by its service endpoints, and would refuse the proxy.
    direct |= {".vault.azure.net", ".blob.core.windows.net", ".example.net"}
    assert direct < {*config["noProxy"]}
    alertmanager = values(found)["kube-prometheus-stack"]["alertmanager"]["config"]
    assert alertmanager["global"]["http_config"]["proxy_from_environment"] is True


@pytest.mark.parametrize(
    "host", ["kubernetes.default.svc", "10.0.0.1", "x.vault.azure.net", "x.blob.core.windows.net"]
)
def test_pythons_own_client_goes_there_directly(made, monkeypatch, host):
    """The Jobs use urllib, which knows suffixes and no ranges."""
    monkeypatch.setenv("no_proxy", ",".join(cluster(made("proxy"))["httpProxyConfig"]["noProxy"]))
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert urllib.request.proxy_bypass_environment(host)
    assert not urllib.request.proxy_bypass_environment("login.microsoftonline.com")


# Images

IMAGE = re.compile(r"(?:^|[\s=\"'])((?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?/[\w./-]+:[\w.-]+)")


def texts(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "image" and isinstance(item, str):
                yield f" {item}"
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def outside_mirror(objects):
    """Images that are not in the mirror: values of `image`, and what looks like one in any text."""
    for text in texts(objects):
        found = IMAGE.findall(text) or ([text.strip()] if text.startswith(" ") else [])
        yield from (image for image in found if not image.startswith(f"{MIRROR}/"))


def test_every_chart_with_images_has_its_values_in_the_table():
    assert CHARTS.keys() == {*MIRRORED, *WITHOUT_IMAGES}


@pytest.mark.parametrize("chart", MIRRORED)
def test_every_image_of_the_charts_facts_comes_from_a_value_of_the_table(chart):
    """A new image of a chart is one from a registry, or of a name, that the table does not have."""
    known = [mirrored(re.sub(":.*", "", value), MIRROR) for value in MIRRORED[chart].values()]
    images = {image for fact in listed(chart)["objects"] for image in fact.get("images", ())}
    for image in (each.replace("docker.io/traefik", "traefik") for each in images):  # the same image
        assert (
            any(mirrored(image + ":1", MIRROR).startswith(place) for place in known) or image == "python"
        ), image


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("python:3.13", "docker.io/library/python:3.13"),
        ("influxdb", "docker.io/library/influxdb"),
        ("concourse/concourse:8", "docker.io/concourse/concourse:8"),
        ("quay.io/a/b:1@sha256:c", "quay.io/a/b:1@sha256:c"),
        ("localhost:5000/a", "localhost:5000/a"),
        ("quay.io", "quay.io"),
    ],
)
def test_an_image_keeps_the_name_of_its_registry(image, wanted):
    assert mirrored(image, MIRROR) == f"{MIRROR}/{wanted}"
    assert mirrored(f"{MIRROR}/{wanted}", MIRROR) == f"{MIRROR}/{wanted}"


def test_every_image_that_the_program_names_comes_from_the_mirror(made):
    kinds = [each for each in made("mirror").resources if each.type.startswith("kubernetes:")]
    own = [revealed(each.inputs) for each in kinds if each.type != RELEASE]
    assert [*outside_mirror(own)] == []
    assert "python" in str([*outside_mirror([revealed(each.inputs) for each in made().resources])])


def test_every_release_with_images_gets_the_values_of_the_table(made):
    """However it refers to its chart: by name, by an OCI address, or as a file."""
    seen = set()
    for release in made("mirror").of_type(RELEASE):
        chart = name_of(release.inputs["chart"], release.inputs["version"])
        seen.add(chart)
        for path in MIRRORED.get(chart, ()):
            at = revealed(release.inputs["values"])
            for step in path.split("."):
                at = at[step]
            assert at.startswith(f"{MIRROR}/"), (chart, path)
    assert seen >= {*MIRRORED}


@pytest.mark.skipif("CHARTS_DIR" not in os.environ, reason="needs the charts in CHARTS_DIR")
@pytest.mark.parametrize("chart", MIRRORED)
def test_every_image_of_a_chart_comes_from_the_mirror(made, chart):
    """Also those of operators, which are in arguments and in a configuration file."""
    from tests.conformance import cluster as helm  # noqa: PLC0415 only with charts at hand

    rows = [revealed(each.inputs) for each in made("mirror").of_type(RELEASE)]
    for row in (each for each in rows if each["chart"] == chart):
        objects = helm.objects(row, Path(os.environ["CHARTS_DIR"]) / f"{chart}-{row['version']}.tgz")
        pods = [each for each in objects if each["kind"] != "CustomResourceDefinition"]
        assert [*outside_mirror(pods)] == []
        assert MIRROR in str(pods)
        if chart == "eck-operator":
            assert f"container-registry: {MIRROR}/docker.elastic.co" in str(pods)


# Mistakes

BAD = [
    # what to change beside what is brought · which key · what is said
    (
        ("network",),
        {"ingress.internalAddress": None, "ingress.publishedAddress": None},
        "ingress.internalAddress",
        "behind a firewall set a free address",
    ),
    (
        ("network",),
        {"ingress.internalAddress": "10.99.0.4"},
        "ingress.internalAddress",
        "is not in the nodes' subnet",
    ),
    (
        ("network",),
        {"network.existing.egressRanges": []},
        "network.existing.egressRanges",
        "set the public addresses",
    ),
    (
        ("network",),
        {"network.existing.database": f"{HUB}Microsoft.Network/virtualNetworks/other/subnets/p"},
        "network.existing.database",
        "is not in the nodes' network",
    ),
    (
        ("network",),
        {"network.existing.databaseZone": None, "network.existing.database": None},
        "network.existing.database",
        "set the ID of the subnet",
    ),
    (
        ("network",),
        {"ingress.internalAddress": "10.20.0.3"},
        "ingress.internalAddress",
        "Azure reserves 10.20.0.3",
    ),
    (
        ("network",),
        {"network.existing.database": f"{HUB}Microsoft.Network/virtualnetworks/SPOKE/subnets/Nodes"},
        "network.existing.database",
        "is the nodes' subnet",
    ),
    (
        ("postgresql",),
        {"database.existing.ranges": ["10.0.4.0/28"]},
        "database.existing.ranges[0]",
        "overlaps cluster.serviceRange",
    ),
    (
        ("private",),
        {"cluster.private.clients": ["10.244.0.0/16"]},
        "cluster.private.clients[0]",
        "overlaps cluster.podRange",
    ),
    (("network",), {"network.existing.nodes": "nodes"}, "network.existing.nodes", "is not a subnet's ID"),
    ((), {"network.egress": "userDefinedRouting"}, "network.egress", "set network.existing"),
    ((), {"network.subnets.endpoints": None}, "network.subnets.endpoints", "missing"),
    ((), {"ingress.publishedAddress": "203.0.113.9"}, "ingress.publishedAddress", "leads nowhere"),
    (
        (),
        {"ingress.sourceRanges": {"default": ["10.0.0.0/8"]}},
        "ingress.sourceRanges.default[0]",
        "is private",
    ),
    (
        ("private",),
        {"cluster.operatorRanges": ["203.0.113.0/28"]},
        "cluster.operatorRanges",
        "use cluster.private.clients",
    ),
    (("private",), {"cluster.private.dnsZone": "none"}, "cluster.private.publicFqdn", "use true"),
    (
        ("private",),
        {"cluster.private.dnsZone": f"{HUB}Microsoft.Network/privateDnsZones/privatelink.ukwest.azmk8s.io"},
        "cluster.private.dnsZone",
        "AKS in",
    ),
    (
        ("private",),
        {"cluster.private.dnsZone": "mine"},
        "cluster.private.dnsZone",
        "or the ID of a zone for AKS",
    ),
    (
        ("postgresql",),
        {"database.sku": "Standard_B2s"},
        "database.sku",
        "no effect on a server of somebody else's",
    ),
    (("postgresql",), {"network.subnets.database": "10.20.16.0/28"}, "network.subnets.database", "unused"),
    (
        ("postgresql",),
        {"database.existing.administrator": "concourse"},
        "concourse.databaseRole",
        "choose another",
    ),
    (
        ("postgresql",),
        {"database.existing.caCertificates": "x"},
        "database.existing.caCertificates",
        "as PEM",
    ),
    ((), {"tags.extra": {"Owner": "x"}}, "tags.extra.Owner", "is set by the program"),
    (
        (),
        {"cluster.workerPools.0.taints": ["dedicated=x:NoSchedule"]},
        "cluster.workerPools[0].taints[0]",
        "is not a taint",
    ),
    ((), {"images.mirror": "https://registry.example.org"}, "images.mirror", "without https://"),
    (("proxy",), {"proxy.url": "http://user:pw@proxy.example.org:3128"}, "proxy.url", "without a login"),
    (("proxy",), {"proxy.noProxy": ["*.example.org"]}, "proxy.noProxy[0]", "no wildcard"),
    ((), {"logging.workspaceId": "logs"}, "logging.workspaceId", "is not a workspace's ID"),
]


@pytest.mark.parametrize(("things", "changes", "key", "text"), BAD, ids=[f"{k}: {t}" for _, _, k, t in BAD])
def test_a_mistake_is_reported_under_its_key(things, changes, key, text):
    config = bringing(stack_config("staging"), *things)
    for path, value in changes.items():
        set_(config, f"platform:{path}".split("."), value)
    with pytest.raises(SettingsError) as refused:
        validate(config, "staging")
    found = {problem.key: problem.text for problem in refused.value.problems}
    assert key in found, found
    assert text in found[key]
