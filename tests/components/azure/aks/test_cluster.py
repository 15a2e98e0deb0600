"""The cluster: who reaches it, what it is made of, and what a change does to it."""

import base64
import json

import pytest
import yaml
from pulumi import Output

from components.azure.aks.cluster import Cluster
from components.azure.aks.kubeconfig import exec_kubeconfig
from components.azure.aks.settings import ClusterSettings
from components.azure.network.egress import Egress
from components.azure.resource_groups import AzureContext
from tests.support.recorder import GIVEN_KUBECONFIG, ISSUER, SERVER, SUBSCRIPTION, stack_config

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


def test_nobody_gets_in_by_an_account_of_the_clusters_own(cluster):
    assert cluster.inputs["disableLocalAccounts"] is True
    assert cluster.inputs["aadProfile"] == {
        "managed": True,
        "enableAzureRBAC": True,
        "tenantID": "tenant",
        "adminGroupObjectIDs": PROD["adminGroupObjectIds"],
    }


def test_the_api_is_reached_by_people_pipelines_and_the_clusters_own_nodes(cluster):
    profile = cluster.inputs["apiServerAccessProfile"]
    assert profile["authorizedIPRanges"] == [
        "203.0.113.0/28",
        "198.51.100.20/32",
        "20.50.0.1/32",
        "20.50.0.2/32",
    ]
    assert profile["disableRunCommand"] is True


def test_every_default_that_would_replace_the_cluster_is_said(cluster):
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


def test_going_out_by_load_balancer_is_by_our_addresses(run):
    recorded = made(run, outbound="loadBalancer")
    profile = recorded.one(f"{AKS}ManagedCluster").inputs["networkProfile"]
    assert profile["outboundType"] == "loadBalancer"
    ids = profile["loadBalancerProfile"]["outboundIPs"]["publicIPs"]
    assert [id_["id"].rpartition("/")[2] for id_ in ids] == ["egress-1", "egress-2"]
    granted = recorded.of_type("azure-native:authorization:RoleAssignment")
    assert {g.inputs["scope"] for g in granted} == {SUBNET, *(id_["id"] for id_ in ids)}


def test_pods_can_have_identities(cluster):
    assert cluster.inputs["oidcIssuerProfile"] == {"enabled": True}
    assert cluster.inputs["securityProfile"]["workloadIdentity"] == {"enabled": True}


def test_the_cluster_may_join_the_subnet_before_it_is_made(recorded, cluster):
    granted = recorded.one("azure-native:authorization:RoleAssignment")
    assert granted.urn in cluster.options["dependencies"]
    assert granted.inputs["scope"] == SUBNET
    assert granted.inputs["principalType"] == "ServicePrincipal"
    assert granted.inputs["roleDefinitionId"] == (
        f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/"
        "4d97b98b-1d4f-4787-a291-c67834d212e7"
    )


def test_an_assignment_whose_role_changes_is_made_anew(recorded):
    options = recorded.one("azure-native:authorization:RoleAssignment").options
    assert options["replaceOnChanges"] == ["roleDefinitionId"]
    assert options["deleteBeforeReplace"] is True


def test_there_is_one_pool_inside_and_it_is_the_system_one(cluster):
    [pool] = cluster.inputs["agentPoolProfiles"]
    assert (pool["name"], pool["mode"]) == ("system", "System")
    assert pool["nodeTaints"] == ["CriticalAddonsOnly=true:NoSchedule"]


def test_without_a_platform_pool_the_system_pool_takes_every_pod(run):
    [pool] = made(run, platformPools=[]).one(f"{AKS}ManagedCluster").inputs["agentPoolProfiles"]
    assert "nodeTaints" not in pool


def test_the_autoscalers_count_is_left_to_it(recorded, cluster):
    assert cluster.options["ignoreChanges"] == ["agentPoolProfiles[0].count"]
    for pool in recorded.of_type(f"{AKS}AgentPool"):
        assert pool.options["ignoreChanges"] == ["count"]
        assert pool.inputs["minCount"] <= pool.inputs["count"] <= pool.inputs["maxCount"]


def test_the_patch_is_azures_to_choose_and_the_minor_is_the_stack_files(recorded, cluster):
    assert cluster.inputs["autoUpgradeProfile"]["upgradeChannel"] == "patch"
    versions = {pool.inputs["orchestratorVersion"] for pool in recorded.of_type(f"{AKS}AgentPool")}
    assert versions == {cluster.inputs["kubernetesVersion"]} == {"1.36"}


def test_only_workers_run_on_worker_pools(recorded):
    pools = recorded.named(f"{AKS}AgentPool")
    workers, platform = pools["cluster-workers1"].inputs, pools["cluster-platform1"].inputs
    assert workers["nodeTaints"] == ["dedicated=concourse-workers:NoSchedule"]
    assert workers["nodeLabels"] == {"dedicated": "concourse-workers"}
    assert (platform["nodeTaints"], platform["nodeLabels"]) == ([], {"dedicated": "platform"})


def test_builds_may_finish_when_a_workers_node_is_upgraded(recorded):
    pool = recorded.named(f"{AKS}AgentPool")["cluster-workers1"]
    assert pool.inputs["upgradeSettings"] == {
        "maxSurge": "1",
        "drainTimeoutInMinutes": 120.0,
        "undrainableNodeBehavior": "Cordon",
    }


def test_builds_may_finish_when_the_autoscaler_takes_a_node(cluster):
    assert cluster.inputs["autoScalerProfile"]["maxGracefulTerminationSec"] == str(120 * 60)


def test_the_next_generation_of_a_pool_is_another_resource(run):
    """So that it is there before the old one goes."""
    next_ = [PROD["workerPools"][0] | {"name": "workers2"}]
    pools = made(run, workerPools=next_).named(f"{AKS}AgentPool")
    assert pools["cluster-workers2"].inputs["agentPoolName"] == "workers2"


def test_a_pool_changed_under_its_name_is_refused_and_not_emptied(recorded):
    for pool in recorded.of_type(f"{AKS}AgentPool"):
        assert pool.options["deleteBeforeReplace"] is False
        assert "osDiskSizeGB" in pool.options["replaceOnChanges"]


def test_pools_are_spread_over_zones_where_there_are_zones(run):
    assert made(run).named(f"{AKS}AgentPool")["cluster-workers1"].inputs["availabilityZones"] == [
        "1",
        "2",
        "3",
    ]
    pools = [PROD["workerPools"][0] | {"zones": []}]
    found = made(run, workerPools=pools).named(f"{AKS}AgentPool")["cluster-workers1"]
    assert "availabilityZones" not in found.inputs


def test_azure_upgrades_in_the_window_alone(recorded):
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


def test_the_clusters_name_is_left_to_the_engine(cluster):
    """A given one would make a replacement start with the deletion."""
    assert "resourceName" not in cluster.inputs


def test_outputs_are_ready_to_use(run):
    kept = []
    made(run, keep=kept.append)
    [[kubeconfig, name, issuer]] = kept
    assert json.loads(kubeconfig)["clusters"][0]["cluster"] == SERVER
    assert name == "cluster"
    assert issuer == ISSUER, "with its last slash: Entra compares it whole"


def test_what_others_use_is_asked_for_by_names_that_previews_know(recorded):
    """The cluster's outputs are not known in the preview of an update; all that uses them would change."""
    where = {"resourceGroupName": "compute", "resourceName": "cluster"}
    assert {call.token.rpartition(":")[2]: call.args for call in recorded.calls} == {
        "listManagedClusterUserCredentials": where | {"format": "exec"},
        "getManagedCluster": where,
        "getUserAssignedIdentity": where,
    }


def test_a_deployer_logs_in_as_the_environment_says_and_no_credential_is_kept():
    given = base64.b64encode(yaml.safe_dump(GIVEN_KUBECONFIG).encode()).decode()
    config = json.loads(exec_kubeconfig(given))
    assert "would-be-a-secret" not in json.dumps(config)
    [user] = config["users"]
    assert user["user"]["exec"]["command"] == "kubelogin"
    assert "--login" not in user["user"]["exec"]["args"], "AAD_LOGIN_METHOD says it"
