"""The cluster: access, contents, and effects of changes."""

import base64
import itertools
import json

import pytest
import yaml
from pulumi import Output

from components.azure.aks.cluster import Cluster
from components.azure.aks.kubeconfig import exec_kubeconfig
from components.azure.aks.settings import ClusterSettings
from components.azure.network.egress import Egress
from components.azure.resource_groups import AzureContext
from tests.support.recorder import GIVEN_KUBECONFIG, ISSUER, SERVER, STACKS, SUBSCRIPTION, stack_config

AKS = "azure-native:containerservice:"
PLACE = AzureContext("compute", "westeurope", {"environment": "test"}, protected=True)
SUBNET = f"{SUBSCRIPTION}/resourceGroups/compute/providers/n/virtualNetworks/n/subnets/nodes"
PROD = stack_config("prod")["platform:cluster"]


def made(run, outbound="natGateway", keep=None, **changes):
    settings = ClusterSettings.model_validate(PROD | changes)

    def program():
        egress = Egress("egress", outbound, count=2, compute=PLACE, stateful=PLACE)
        subnet = Output.from_input(SUBNET)
        cluster = Cluster("cluster", settings, context=PLACE, subnet=subnet, egress=egress, tenant="tenant")
        if keep:
            Output.all(cluster.kubeconfig, cluster.name, cluster.oidc_issuer).apply(keep)

    return run(program)


@pytest.fixture
def recorded(run):
    return made(run)


@pytest.fixture
def cluster(recorded):
    return recorded.one(f"{AKS}ManagedCluster")


def test_pools_are_created_one_at_a_time(recorded):
    """Azure refuses a second one in the same cluster or subnet (Azure/AKS#4522)."""
    pools = recorded.of_type(f"{AKS}AgentPool")
    assert len(pools) > 1
    for before, after in itertools.pairwise(
        sorted(pools, key=lambda pool: len(pool.options["dependencies"]))
    ):
        assert before.urn in after.options["dependencies"]


def test_local_accounts_are_disabled(cluster):
    assert cluster.inputs["disableLocalAccounts"] is True
    assert cluster.inputs["aadProfile"] == {
        "managed": True,
        "enableAzureRBAC": True,
        "tenantID": "tenant",
        "adminGroupObjectIDs": PROD["adminGroupObjectIds"],
    }


def test_only_operators_pipelines_and_nodes_reach_the_api_server(cluster):
    profile = cluster.inputs["apiServerAccessProfile"]
    assert profile["authorizedIPRanges"] == [
        "203.0.113.0/28",
        "198.51.100.20/32",
        "20.50.0.1/32",
        "20.50.0.2/32",
    ]
    assert profile["disableRunCommand"] is True


def test_defaults_that_would_replace_the_cluster_are_explicit(cluster):
    assert cluster.inputs["networkProfile"] == {
        "networkPlugin": "azure",
        "networkPluginMode": "overlay",
        "networkDataplane": "cilium",
        "networkPolicy": "cilium",
        "outboundType": "userAssignedNATGateway",
        "loadBalancerSku": "standard",
        "podCidr": "10.244.0.0/16",
        "serviceCidr": "10.0.0.0/16",
        "dnsServiceIP": "10.0.0.10",
    }


def test_load_balancer_egress_uses_the_stacks_addresses(run):
    recorded = made(run, outbound="loadBalancer")
    profile = recorded.one(f"{AKS}ManagedCluster").inputs["networkProfile"]
    assert profile["outboundType"] == "loadBalancer"
    ids = profile["loadBalancerProfile"]["outboundIPs"]["publicIPs"]
    assert [id_["id"].rpartition("/")[2] for id_ in ids] == ["egress-1", "egress-2"]
    granted = recorded.of_type("azure-native:authorization:RoleAssignment")
    assert {g.inputs["scope"] for g in granted} == {SUBNET, *(id_["id"] for id_ in ids)}


def test_workload_identity_is_enabled(cluster):
    assert cluster.inputs["oidcIssuerProfile"] == {"enabled": True}
    assert cluster.inputs["securityProfile"]["workloadIdentity"] == {"enabled": True}


def test_the_cluster_may_join_the_subnet_before_it_is_created(recorded, cluster):
    granted = recorded.one("azure-native:authorization:RoleAssignment")
    assert granted.urn in cluster.options["dependencies"]
    assert granted.inputs["scope"] == SUBNET
    assert granted.inputs["principalType"] == "ServicePrincipal"
    assert granted.inputs["roleDefinitionId"] == (
        f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/"
        "4d97b98b-1d4f-4787-a291-c67834d212e7"
    )


def test_a_role_assignment_with_another_role_is_replaced(recorded):
    options = recorded.one("azure-native:authorization:RoleAssignment").options
    assert options["replaceOnChanges"] == ["roleDefinitionId"]
    assert options["deleteBeforeReplace"] is True


def test_the_cluster_resource_contains_only_the_system_pool(cluster):
    [pool] = cluster.inputs["agentPoolProfiles"]
    assert (pool["name"], pool["mode"]) == ("system", "System")
    assert pool["nodeTaints"] == ["CriticalAddonsOnly=true:NoSchedule"]


def test_without_platform_pools_the_system_pool_has_no_taint(run):
    [pool] = made(run, platformPools=[]).one(f"{AKS}ManagedCluster").inputs["agentPoolProfiles"]
    assert "nodeTaints" not in pool


def test_the_autoscaler_manages_the_node_count(recorded, cluster):
    assert cluster.options["ignoreChanges"] == ["agentPoolProfiles[0].count"]
    for pool in recorded.of_type(f"{AKS}AgentPool"):
        assert pool.options["ignoreChanges"] == ["count"]
        assert pool.inputs["minCount"] <= pool.inputs["count"] <= pool.inputs["maxCount"]


def test_the_stack_sets_the_minor_version_and_azure_the_patch(recorded, cluster):
    assert cluster.inputs["autoUpgradeProfile"]["upgradeChannel"] == "patch"
    versions = {pool.inputs["orchestratorVersion"] for pool in recorded.of_type(f"{AKS}AgentPool")}
    assert versions == {cluster.inputs["kubernetesVersion"]} == {"1.36"}


def test_only_workers_run_on_worker_pools(recorded):
    pools = recorded.named(f"{AKS}AgentPool")
    workers, platform = pools["cluster-workers1"].inputs, pools["cluster-platform1"].inputs
    assert workers["nodeTaints"] == ["dedicated=concourse-workers:NoSchedule"]
    assert workers["nodeLabels"] == {"dedicated": "concourse-workers"}
    assert (platform["nodeTaints"], platform["nodeLabels"]) == ([], {"dedicated": "platform"})


def test_builds_can_finish_when_a_worker_node_is_upgraded(recorded):
    pool = recorded.named(f"{AKS}AgentPool")["cluster-workers1"]
    assert pool.inputs["upgradeSettings"] == {
        "maxSurge": "1",
        "drainTimeoutInMinutes": 120.0,
        "undrainableNodeBehavior": "Cordon",
    }


def test_builds_can_finish_when_the_autoscaler_removes_a_node(cluster):
    assert cluster.inputs["autoScalerProfile"]["maxGracefulTerminationSec"] == str(120 * 60)


def test_a_new_generation_of_a_pool_is_a_new_resource(run):
    """The new pool exists before the old one is deleted."""
    next_ = [PROD["workerPools"][0] | {"name": "workers2"}]
    pools = made(run, workerPools=next_).named(f"{AKS}AgentPool")
    assert pools["cluster-workers2"].inputs["agentPoolName"] == "workers2"


def test_a_pool_is_not_deleted_before_its_replacement(recorded):
    for pool in recorded.of_type(f"{AKS}AgentPool"):
        assert pool.options["deleteBeforeReplace"] is False
        assert "osDiskSizeGB" in pool.options["replaceOnChanges"]


def test_pools_use_the_zones_of_the_region(run):
    assert made(run).named(f"{AKS}AgentPool")["cluster-workers1"].inputs["availabilityZones"] == [
        "1",
        "2",
        "3",
    ]
    pools = [PROD["workerPools"][0] | {"zones": []}]
    found = made(run, workerPools=pools).named(f"{AKS}AgentPool")["cluster-workers1"]
    assert "availabilityZones" not in found.inputs


def test_azure_upgrades_only_in_the_maintenance_window(recorded):
    windows = recorded.of_type(f"{AKS}MaintenanceConfiguration")
    assert {window.inputs["configName"] for window in windows} == {
        "aksManagedAutoUpgradeSchedule",
        "aksManagedNodeOSUpgradeSchedule",
    }
    for window in windows:
        assert window.inputs["maintenanceWindow"] == {
            "schedule": {"weekly": {"dayOfWeek": "Sunday", "intervalWeeks": 1.0}},
            "startTime": "02:00",
            "durationHours": 6.0,
            "utcOffset": "+00:00",
        }


def test_the_clusters_name_is_generated(cluster):
    """With a fixed name, a replacement would have to start with the deletion."""
    assert "resourceName" not in cluster.inputs


def test_the_outputs_have_the_formats_that_others_need(run):
    kept = []
    made(run, keep=kept.append)
    [[kubeconfig, name, issuer]] = kept
    assert json.loads(kubeconfig)["clusters"][0]["cluster"] == SERVER
    assert name == "cluster"
    assert issuer == ISSUER, "Entra compares it including the trailing slash"


def test_kubeconfig_and_issuer_are_looked_up_by_names_in_the_id(recorded):
    """Previews of an update do not know the cluster's outputs, so everything that uses them would change."""
    where = {"resourceGroupName": "compute", "resourceName": "cluster"}
    assert {call.token.rpartition(":")[2]: call.args for call in recorded.calls} == {
        "listManagedClusterUserCredentials": where | {"format": "exec"},
        "getManagedCluster": where,
        "getUserAssignedIdentity": where,
    }


def test_the_kubeconfig_contains_no_credentials():
    given = base64.b64encode(yaml.safe_dump(GIVEN_KUBECONFIG).encode()).decode()
    config = json.loads(exec_kubeconfig(given))
    assert "would-be-a-secret" not in json.dumps(config)
    [user] = config["users"]
    assert user["user"]["exec"]["command"] == "kubelogin"
    assert "--login" not in user["user"]["exec"]["args"], "AAD_LOGIN_METHOD sets it"


@pytest.mark.parametrize("stack", STACKS)
def test_no_pool_resolves_names_on_its_nodes(run_stack, stack):
    """From Kubernetes 1.37, pools have LocalDNS by default, which the network policies do not allow."""
    made = run_stack(stack)
    [cluster] = made.of_type("azure-native:containerservice:ManagedCluster")
    pools = [
        *cluster.inputs["agentPoolProfiles"],
        *(each.inputs for each in made.of_type("azure-native:containerservice:AgentPool")),
    ]
    assert [pool["localDNSProfile"] for pool in pools] == [{"mode": "Disabled"}] * len(pools)
