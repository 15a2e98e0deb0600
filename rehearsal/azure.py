"""What Azure Resource Manager knows: one `Kind` for each resource type that the platform uses.

Sources: azure-native's replacement.go and the specs' create-only marks (what replaces), the services'
documentation and issues (what is refused), azure-rest-api-specs (names). Patterns and limits are checked
once more against Microsoft's own `_validation` maps in the tests.
"""

import base64
import ipaddress
import json
from typing import Any

from rehearsal.cloud import Cloud
from rehearsal.kinds import Call, Kind, Props, RefusedError, find, unknown

SUBSCRIPTION = "/subscriptions/{subscriptionId}"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"


def arm(path: str) -> str:
    """The id of a resource of a group: `Microsoft.Network/virtualNetworks/{virtualNetworkName}`."""
    return f"{SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}/providers/{path}"


def named(call: Call) -> Props:
    """What every ARM object answers with."""
    group = call.id.split("/")[4] if call.id.count("/") > 4 else ""  # noqa: PLR2004
    found = call.cloud.get("/".join(call.id.split("/")[:5])) if group else None
    location = call.inputs.get("location") or (found or {}).get("inputs", {}).get("location")
    answer = {"name": call.id.rpartition("/")[2], "azureApiVersion": "", "provisioningState": "Succeeded"}
    return answer | ({"location": location} if location else {})


# What each service refuses


def subnet_fits(call: Call) -> None:
    vnet = call.cloud.get(call.id.rpartition("/subnets/")[0])
    space = list(find(vnet["inputs"] if vnet else {}, "addressSpace.addressPrefixes.*"))
    mine = ipaddress.ip_network(call.inputs["addressPrefix"])
    if not any(mine.subnet_of(ipaddress.ip_network(range_)) for range_ in space):
        call.refuse("NetcfgInvalidSubnet", f"{mine} is not contained in the network's {space}")
    for other in call.cloud.all(call.type):
        beside = other["id"].rpartition("/")[0] == call.id.rpartition("/")[0]
        if (
            beside
            and other["id"] != call.id
            and mine.overlaps(ipaddress.ip_network(other["inputs"]["addressPrefix"]))
        ):
            call.refuse("NetcfgSubnetRangesOverlap", f"{mine} overlaps {other['id']}")


def zone_redundant_standard(call: Call) -> None:
    if call.get("sku.name") == "Standard" and call.get("publicIPAllocationMethod") != "Static":
        call.refuse("StandardSkuPublicIPAddressMustBeStatic", "a Standard address is Static")


def private_zone_is_global(call: Call) -> None:
    if str(call.get("location")).lower() != "global":
        call.refuse("LocationNotAvailableForResourceType", "DNS is a global service: location Global")


def role_is_free(call: Call) -> None:
    same = ("principalId", "roleDefinitionId", "scope")
    for other in call.cloud.all(call.type):
        if other["id"] != call.id and all(other["inputs"].get(k) == call.inputs.get(k) for k in same):
            call.refuse("RoleAssignmentExists", "the role assignment already exists")
    if not call.get("principalType"):
        call.refuse("PrincipalNotFound", "a new principal is not replicated yet: give principalType")


def cluster_can_be_made(call: Call) -> None:
    if call.get("disableLocalAccounts") and not call.get("aadProfile.managed"):
        call.refuse("BadRequest", "disableLocalAccounts needs Entra integration (aadProfile.managed)")
    for group in find(call.inputs, "aadProfile.adminGroupObjectIDs.*"):
        if call.cloud.get(f"/groups/{group}") is None:
            call.refuse("InvalidParameter", f"there is no Entra group {group}")
    if call.get("securityProfile.workloadIdentity.enabled") and not call.get("oidcIssuerProfile.enabled"):
        call.refuse("OIDCIssuerRequired", "workload identity needs the OIDC issuer")
    _egress_exists(call)
    _identity_may_join(call)
    _ranges_are_apart(call)
    _pools_fit(call, list(find(call.inputs, "agentPoolProfiles.*")))


def _egress_exists(call: Call) -> None:
    if call.get("networkProfile.outboundType") != "userAssignedNATGateway":
        return
    for id_ in find(call.inputs, "agentPoolProfiles.*.vnetSubnetID"):
        subnet = call.cloud.get(id_)
        if subnet and not list(find(subnet["inputs"], "natGateway.id")):
            call.refuse("InvalidUserAssignedNATGateway", f"{id_} has no NAT gateway")


def _identity_may_join(call: Call) -> None:
    """The cluster's own identity needs Network Contributor where its nodes are."""
    for identity in find(call.inputs, "identity.userAssignedIdentities.*"):
        found = call.cloud.get(identity)
        principal = found["outputs"]["principalId"] if found else ""
        for subnet in find(call.inputs, "agentPoolProfiles.*.vnetSubnetID"):
            if not holds(call.cloud, principal, NETWORK_CONTRIBUTOR, subnet):
                call.refuse("LinkedAuthorizationFailed", f"{identity} may not join {subnet}")


def holds(cloud: Cloud, principal: str, role: str, scope: str) -> bool:
    """Whether a principal has a role (its GUID) at a scope or above."""
    return any(
        o["inputs"]["principalId"] == principal
        and o["inputs"]["roleDefinitionId"].endswith(role)
        and (scope == o["inputs"]["scope"] or scope.startswith(o["inputs"]["scope"] + "/"))
        for o in cloud.all("azure-native:authorization:RoleAssignment")
    )


def _ranges_are_apart(call: Call) -> None:
    ranges = {p: call.get(f"networkProfile.{p}") for p in ("podCidr", "serviceCidr")}
    for id_ in find(call.inputs, "agentPoolProfiles.*.vnetSubnetID"):
        vnet = call.cloud.get(id_.rpartition("/subnets/")[0])
        for space in find(vnet["inputs"] if vnet else {}, "addressSpace.addressPrefixes.*"):
            ranges[space] = space
    nets = {name: ipaddress.ip_network(net) for name, net in ranges.items() if net}
    for name, net in nets.items():
        for other, range_ in nets.items():
            if name < other and net.overlaps(range_):
                call.refuse("ServiceCidrOverlapExistingSubnetsCidr", f"{name} {net} and {other} {range_}")
    dns, services = call.get("networkProfile.dnsServiceIP"), nets.get("serviceCidr")
    if dns and services and ipaddress.ip_address(dns) not in services:
        call.refuse("DnsServiceIpOutOfServiceCidr", f"{dns} is not in {services}")


def pool_can_be_made(call: Call) -> None:
    _pools_fit(call, [call.inputs])


def _pools_fit(call: Call, pools: list[Props]) -> None:
    for pool in pools:
        if "count" not in pool:
            call.refuse("InvalidParameter", "count is required, with the autoscaler too")
        low, high = pool.get("minCount", 0), pool.get("maxCount", 1000)
        if pool.get("enableAutoScaling") and not low <= pool["count"] <= high:
            call.refuse("InvalidParameter", f"count is not between minCount {low} and maxCount {high}")
        if pool.get("mode") == "System" and pool.get("osType", "Linux") != "Linux":
            call.refuse("InvalidSystemPool", "a system pool is Linux")


def server_can_be_made(call: Call) -> None:
    tier, mode = call.get("sku.tier"), call.get("highAvailability.mode") or "Disabled"
    if tier == "Burstable" and mode != "Disabled":
        call.refuse("HANotSupportedForBurstableSku", "a Burstable server has no high availability")
    subnet, zone = (
        call.get("network.delegatedSubnetResourceId"),
        call.get("network.privateDnsZoneArmResourceId"),
    )
    if subnet and not zone:
        call.refuse("EmptyPrivateDnsZoneArmResourceId", "a server in a subnet needs its private DNS zone")
    found = call.cloud.get(subnet) if subnet else None
    if found and "Microsoft.DBforPostgreSQL/flexibleServers" not in find(
        found["inputs"], "delegations.*.serviceName"
    ):
        call.refuse("SubnetIsNotDelegated", f"{subnet} is not delegated to flexible servers")
    if zone and not any(True for o in call.cloud.below(zone) if "/virtualNetworkLinks/" in o["id"]):
        call.refuse("PrivateDnsZoneNotLinked", f"{zone} is not linked to the network yet")
    low, size = (
        (call.before or {}).get("storage", {}).get("storageSizeGB", 0),
        call.get("storage.storageSizeGB"),
    )
    if size and size < low:
        call.refuse("StorageSizeCannotBeDecreased", f"storage cannot shrink from {low} to {size} GiB")


def firewall_is_public(call: Call) -> None:
    server = call.cloud.get(call.id.rpartition("/firewallRules/")[0])
    if server and list(find(server["inputs"], "network.delegatedSubnetResourceId")):
        call.refuse("FirewallRulesNotSupported", "a server in a subnet has no firewall rules")


# What Azure answers


def group(call: Call) -> Props:
    return named(call) | {"properties": {"provisioningState": "Succeeded"}}


def address(call: Call) -> Props:
    digits = int(call.cloud.stable.guid(call.id)[:4], 16)
    return named(call) | {"ipAddress": f"20.{50 + digits % 100}.{digits // 256}.{digits % 256}"}


def identity(call: Call) -> Props:
    guid = call.cloud.stable.guid
    return named(call) | {
        "principalId": guid(call.id, "principal"),
        "clientId": guid(call.id, "client"),
        "tenantId": tenant(call.cloud),
    }


def tenant(cloud: Cloud) -> str:
    caller = cloud.get("/caller")
    return caller["inputs"]["tenantId"] if caller else cloud.stable.guid("tenant")


def cluster(call: Call) -> Props:
    guid, place = call.cloud.stable.guid, str(named(call).get("location"))
    prefix = f"{call.inputs.get('dnsPrefix', 'aks')}-{guid(call.id)[:8]}"
    ids = {
        i: {"principalId": guid(i, "principal"), "clientId": guid(i, "client")}
        for i in find(call.inputs, "identity.userAssignedIdentities.*")
    }
    kubelet = {"objectId": guid(call.id, "kubelet"), "clientId": guid(call.id, "kubelet-client")}
    return named(call) | {
        "fqdn": f"{prefix}.hcp.{place}.azmk8s.io",
        "currentKubernetesVersion": f"{call.get('kubernetesVersion')}.2",
        "identity": {**call.inputs.get("identity", {}), "userAssignedIdentities": ids},
        "identityProfile": {"kubeletidentity": kubelet},
        "nodeResourceGroup": call.get("nodeResourceGroup") or f"MC_{guid(call.id)[:8]}",
        "oidcIssuerProfile": {
            "enabled": bool(call.get("oidcIssuerProfile.enabled")),
            "issuerURL": f"https://{place}.oic.prod-aks.azure.com/{tenant(call.cloud)}/{guid(call.id)}/",
        },
    }


def server(call: Call) -> Props:
    name = call.id.rpartition("/")[2]
    return named(call) | {
        "fullyQualifiedDomainName": f"{name}.postgres.database.azure.com",
        "state": "Ready",
    }


def user_credentials(cloud: Cloud, args: Props) -> Props:
    """A cluster's kubeconfig as Azure gives it: an exec one, with no secret in it."""
    found = by_name(cloud, "azure-native:containerservice:ManagedCluster", args)
    certificate = base64.b64encode(f"rehearsed CA of {found['id']}".encode()).decode()
    host = f"https://{found['outputs']['fqdn']}:443"
    name = args["resourceName"]
    kubeconfig = {
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": host, "certificate-authority-data": certificate}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "deployer"}}],
        "users": [{"name": "deployer", "user": {"exec": {"command": "kubelogin", "args": ["get-token"]}}}],
    }  # fmt: skip
    value = base64.b64encode(json.dumps(kubeconfig).encode()).decode()
    return {"kubeconfigs": [{"name": "clusterUser", "value": value}]}


def existing(type_: str) -> Any:
    """The `get…` function of a type: what exists, as it is now."""

    def get(cloud: Cloud, args: Props) -> Props:
        found = by_name(cloud, type_, args)
        return {"id": found["id"]} | found["inputs"] | found["outputs"]

    return get


def by_name(cloud: Cloud, type_: str, args: Props) -> dict[str, Any]:
    """The object of a group that a function's arguments name."""
    if unknown(args):
        raise RefusedError("UnknownValue", "called with a value that is not known yet")
    last = [value for key, value in args.items() if key not in ("resourceGroupName", "format", "expand")]
    for found in cloud.all(type_):
        inside = f"/resourceGroups/{args.get('resourceGroupName')}/" in found["id"]
        if inside and found["id"].rpartition("/")[2] == last[-1]:
            return found
    raise RefusedError("ResourceNotFound", f"no {type_} named {last} in {args.get('resourceGroupName')}")


def client_config(cloud: Cloud, _: Props) -> Props:
    caller = cloud.get("/caller")
    return dict(caller["inputs"]) if caller else {}


def subscribed(cloud: Cloud, config: Props) -> None:
    """A provider can only work in a subscription that exists."""
    id_ = config.get("subscriptionId", "")
    if cloud.get(f"/subscriptions/{id_}") is None:
        raise RefusedError("SubscriptionNotFound", f"there is no subscription {id_!r}")


VM = r"[a-z][a-z0-9]{0,11}"
GENERIC = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?"
SQL = r"[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])"
PG = "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}"
AKS = "Microsoft.ContainerService/managedClusters/{resourceName}"
SERVER_BUSY: Any = {"queue": PG, "busy": "ServerIsBusy"}

KINDS: dict[str, Kind] = {
    "azure-native:resources:ResourceGroup": Kind(
        id=SUBSCRIPTION + "/resourceGroups/{resourceGroupName}", name="resourceGroupName",
        pattern=r"[-\w._()]{0,89}[-\w_()]", required=("location",), replaces=("location", "resourceGroupName"),
        outputs=group, seconds=3),
    "azure-native:network:VirtualNetwork": Kind(
        id=arm("Microsoft.Network/virtualNetworks/{virtualNetworkName}"), name="virtualNetworkName",
        pattern=GENERIC, required=("addressSpace.addressPrefixes",), outputs=named, seconds=5,
        replaces=("location", "virtualNetworkName", "resourceGroupName")),
    "azure-native:network:Subnet": Kind(
        id=arm("Microsoft.Network/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}"),
        name="subnetName", pattern=GENERIC, required=("addressPrefix",), outputs=named, seconds=5,
        replaces=("subnetName", "virtualNetworkName", "resourceGroupName"),
        references=("natGateway.id", "networkSecurityGroup.id", "routeTable.id"), checks=(subnet_fits,),
        queue="{virtualNetworkName}", fixed=("addressPrefix", "defaultOutboundAccess")),
    "azure-native:network:NetworkSecurityGroup": Kind(
        id=arm("Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}"),
        name="networkSecurityGroupName", pattern=GENERIC, outputs=named, seconds=4,
        replaces=("location", "networkSecurityGroupName", "resourceGroupName")),
    "azure-native:network:PublicIPAddress": Kind(
        id=arm("Microsoft.Network/publicIPAddresses/{publicIpAddressName}"), name="publicIpAddressName",
        pattern=GENERIC, outputs=address, checks=(zone_redundant_standard,), seconds=4,
        replaces=("location", "publicIPAddressVersion", "publicIPPrefix", "sku", "publicIpAddressName",
                  "resourceGroupName"),
        fixed=("zones",)),
    "azure-native:network:NatGateway": Kind(
        id=arm("Microsoft.Network/natGateways/{natGatewayName}"), name="natGatewayName", pattern=GENERIC,
        required=("sku.name",), references=("publicIpAddresses.*.id",), outputs=named, seconds=10,
        replaces=("location", "natGatewayName", "resourceGroupName"), fixed=("zones",)),
    "azure-native:privatedns:PrivateZone": Kind(
        id=arm("Microsoft.Network/privateDnsZones/{privateZoneName}"), name="privateZoneName",
        pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+", checks=(private_zone_is_global,), outputs=named, seconds=30,
        replaces=("location", "privateZoneName", "resourceGroupName")),
    "azure-native:privatedns:VirtualNetworkLink": Kind(
        id=arm("Microsoft.Network/privateDnsZones/{privateZoneName}/virtualNetworkLinks/{virtualNetworkLinkName}"),
        name="virtualNetworkLinkName", references=("virtualNetwork.id",), checks=(private_zone_is_global,),
        outputs=named, seconds=30, replaces=("location", "virtualNetworkLinkName", "virtualNetwork")),
    "azure-native:managedidentity:UserAssignedIdentity": Kind(
        id=arm("Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"), name="resourceName",
        pattern=r"[A-Za-z0-9][-\w]{2,127}", outputs=identity, seconds=3,
        replaces=("location", "resourceName", "resourceGroupName")),
    "azure-native:authorization:RoleAssignment": Kind(
        id="{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        name="roleAssignmentName", required=("principalId", "roleDefinitionId", "scope"),
        references=("scope",), replaces=("principalId", "scope", "roleAssignmentName"), fixed=("roleDefinitionId",),
        checks=(role_is_free,), role="Role Based Access Control Administrator", seconds=3),
    "azure-native:containerservice:ManagedCluster": Kind(
        id=arm(AKS), name="resourceName", pattern=r"[a-zA-Z0-9]([-\w]{0,61}[a-zA-Z0-9])?",
        required=("identity.type", "dnsPrefix", "agentPoolProfiles"),
        references=("agentPoolProfiles.*.vnetSubnetID", "identity.userAssignedIdentities.*"),
        checks=(cluster_can_be_made,), reshaped=("identity",), outputs=cluster, seconds=300, queue="{resourceName}",
        replaces=("diskEncryptionSetID", "dnsPrefix", "fqdnSubdomain", "linuxProfile", "windowsProfile",
                  "location", "nodeResourceGroup", "resourceName", "resourceGroupName",
                  *(f"networkProfile.{p}" for p in (
                      "serviceCidr", "serviceCidrs", "dnsServiceIP", "networkMode", "networkPlugin",
                      "networkPluginMode", "podCidr", "networkDataplane", "networkPolicy", "outboundType"))),
        fixed=tuple(f"agentPoolProfiles.*.{p}" for p in (
            "vmSize", "osDiskType", "osDiskSizeGB", "maxPods", "vnetSubnetID", "availabilityZones"))),
    "azure-native:containerservice:AgentPool": Kind(
        id=arm(AKS + "/agentPools/{agentPoolName}"), name="agentPoolName", pattern=VM,
        required=("count", "vmSize", "mode"), references=("vnetSubnetID",), checks=(pool_can_be_made,),
        outputs=named, seconds=120, replaces=("vmSize", "gpuInstanceProfile", "agentPoolName", "resourceName"),
        fixed=("osDiskType", "osDiskSizeGB", "maxPods", "vnetSubnetID", "osType", "availabilityZones")),
    "azure-native:containerservice:MaintenanceConfiguration": Kind(
        id=arm(AKS + "/maintenanceConfigurations/{configName}"), name="configName", seconds=3, outputs=named,
        pattern="default|aksManagedAutoUpgradeSchedule|aksManagedNodeOSUpgradeSchedule",
        replaces=("configName", "resourceName")),
    "azure-native:dbforpostgresql:Server": Kind(
        id=arm(PG), name="serverName", pattern=SQL, hidden=("administratorLoginPassword",),
        required=("version", "sku.name", "sku.tier", "storage", "administratorLogin"),
        references=("network.delegatedSubnetResourceId", "network.privateDnsZoneArmResourceId"),
        replaces=("administratorLogin", "sourceServerResourceId", "pointInTimeUTC", "availabilityZone",
                  "backup.geoRedundantBackup", "serverName", "resourceGroupName", "location"),
        fixed=("network.delegatedSubnetResourceId",), checks=(server_can_be_made,), outputs=server,
        seconds=600, **SERVER_BUSY),
    "azure-native:dbforpostgresql:Database": Kind(
        id=arm(PG + "/databases/{databaseName}"), name="databaseName", outputs=named, seconds=10,
        replaces=("databaseName", "serverName"), fixed=("charset", "collation"), **SERVER_BUSY),
    "azure-native:dbforpostgresql:Configuration": Kind(
        id=arm(PG + "/configurations/{configurationName}"), name="configurationName", required=("value", "source"),
        replaces=("configurationName", "serverName"), outputs=named, seconds=15, singleton=True, **SERVER_BUSY),
    "azure-native:dbforpostgresql:FirewallRule": Kind(
        id=arm(PG + "/firewallRules/{firewallRuleName}"), name="firewallRuleName", outputs=named, seconds=15,
        replaces=("firewallRuleName", "serverName"), checks=(firewall_is_public,), **SERVER_BUSY),
}  # fmt: skip

INVOKES = {
    "azure-native:authorization:getClientConfig": client_config,
    "azure-native:containerservice:listManagedClusterUserCredentials": user_credentials,
    "azure-native:containerservice:getManagedCluster": existing(
        "azure-native:containerservice:ManagedCluster"
    ),
}
