"""What Azure Resource Manager knows: one `Kind` for each resource type that the platform uses.

Sources: azure-native's replacement.go and the specs' create-only marks (what replaces), the services'
documentation and issues (what is refused), azure-rest-api-specs (names). Patterns and limits are checked
once more against Microsoft's own `_validation` maps in the tests.
"""

import base64
import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from rehearsal.resource_types import Call, Kind, Props, RefusedError, find, unknown
from rehearsal.store import Cloud

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


# What each service refuses, by the codes that it was seen to answer with (failures.yaml)


def net(range_: str) -> Any:
    """The range that a text says."""
    try:
        return ipaddress.ip_network(range_)
    except ValueError as problem:
        raise RefusedError("InvalidCIDRNotation", str(problem)) from None


def spaces(cloud: Cloud, subnet: str) -> list[str]:
    """The ranges of the network that a subnet is in."""
    vnet = cloud.get(subnet.rpartition("/subnets/")[0])
    return list(find(vnet["inputs"] if vnet else {}, "addressSpace.addressPrefixes.*"))


def ranges_are_valid(call: Call) -> None:
    for range_ in find(call.inputs, "addressSpace.addressPrefixes.*"):
        net(range_)


def subnet_fits(call: Call) -> None:
    mine, space = net(call.inputs["addressPrefix"]), spaces(call.cloud, call.id)
    if not any(mine.subnet_of(net(range_)) for range_ in space):
        call.refuse("NetcfgSubnetRangeOutsideVnet", f"{mine} is outside of the network's {space}")
    for other in call.cloud.all(call.type):
        beside = other["id"].rpartition("/")[0] == call.id.rpartition("/")[0]
        if beside and other["id"] != call.id and mine.overlaps(net(other["inputs"]["addressPrefix"])):
            call.refuse("NetcfgSubnetRangesOverlap", f"{mine} overlaps {other['id']}")
    moved = call.before and call.before["addressPrefix"] != call.inputs["addressPrefix"]
    for user in call.cloud.dependants(call.id, KINDS) if moved else ():
        call.refuse("InUsePrefixCannotBeDeleted", f"{user} has addresses in it")


def standard_is_static(call: Call) -> None:
    if call.get("sku.name") == "Standard" and call.get("publicIPAllocationMethod") != "Static":
        call.refuse("StandardSkuPublicIPAddressesMustBeStatic", "AllocationMethod must be set to Static")


def dns_is_global(call: Call) -> None:
    if str(call.get("location")).lower() != "global":
        call.refuse("LocationNotAvailableForResourceType", "DNS is a global service: location Global")


def role_is_free(call: Call) -> None:
    same = ("principalId", "roleDefinitionId", "scope")
    for other in call.cloud.all(call.type):
        if other["id"] != call.id and all(other["inputs"].get(k) == call.inputs.get(k) for k in same):
            call.refuse("RoleAssignmentExists", "the role assignment already exists")
    if not call.get("principalType"):
        call.refuse("PrincipalNotFound", "a new principal is not in the directory yet; set principalType")


def cluster_can_be_made(call: Call) -> None:
    if call.get("disableLocalAccounts") and not call.get("aadProfile.managed"):
        call.refuse(
            "BadRequest", "disableLocalAccounts can only be set on Azure AD integration enabled cluster"
        )
    for group in find(call.inputs, "aadProfile.adminGroupObjectIDs.*"):
        if call.cloud.get(f"/groups/{group}") is None:  # AKS takes it, and nobody can log in
            call.refuse("AdminGroupNotFound", f"there is no Entra group {group}")
    if call.get("securityProfile.workloadIdentity.enabled") and not call.get("oidcIssuerProfile.enabled"):
        call.refuse("BadRequest", "Azure AD Workload Identity requires OIDC issuer")
    _egress_exists(call)
    _identity_may_join(call)
    _ranges_are_apart(call)
    _pools_fit(call, list(find(call.inputs, "agentPoolProfiles.*")))


def _egress_exists(call: Call) -> None:
    """Nodes have a way out, and by it a way to the API server."""
    if call.get("networkProfile.outboundType") != "userAssignedNATGateway":
        return
    allowed = [net(range_) for range_ in find(call.inputs, "apiServerAccessProfile.authorizedIPRanges.*")]
    for id_ in find(call.inputs, "agentPoolProfiles.*.vnetSubnetID"):
        gateways = list(_named_by(call.cloud, [id_], "natGateway.id"))
        addresses = list(_named_by(call.cloud, gateways, "publicIpAddresses.*.id"))
        if not gateways:
            call.refuse("SubnetNotAssociatedWithNATGateway", f"{id_} must have a NAT gateway")
        if not addresses:
            call.refuse("NATGatewayNotAssociatedWithPublicIPOrIPPrefix", f"{gateways} have no address")
        for address in (call.cloud.get(address) for address in addresses):
            given = ipaddress.ip_address(address["outputs"]["ipAddress"]) if address else None
            if allowed and not any(given in range_ for range_ in allowed):
                call.refuse("K8SAPIServerConnFailVMExtensionError", f"nodes, at {given}, may not use the API")


def _named_by(cloud: Cloud, ids: list[str], path: str) -> Iterator[str]:
    for found in (cloud.get(id_) for id_ in ids):
        yield from find(found["inputs"] if found else {}, path)


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
    pods, services = (net(call.get(f"networkProfile.{p}") or d) for p, d in RANGES.items())
    if pods.overlaps(services):
        call.refuse("BadRequest", f"the pod CIDR {pods} overlaps with the service CIDR {services}")
    for id_ in find(call.inputs, "agentPoolProfiles.*.vnetSubnetID"):
        for space in spaces(call.cloud, id_):
            if pods.overlaps(net(space)):
                call.refuse("NetworkProfileCIDROverlapVNET", f"CIDR {pods} overlaps with VNET CIDR {space}")
        for subnet in call.cloud.below(id_.rpartition("/subnets/")[0]):
            taken = subnet["inputs"].get("addressPrefix")
            if taken and services.overlaps(net(taken)):
                call.refuse(
                    "ServiceCidrOverlapExistingSubnetsCidr", f"{services} and {subnet['id']}'s {taken}"
                )
    dns = ipaddress.ip_address(call.get("networkProfile.dnsServiceIP") or DNS_SERVICE)
    if dns not in services:
        call.refuse("DnsServiceIpOutOfServiceCidr", f"{dns} is not in {services}")
    if dns == services[1]:
        call.refuse("DnsServiceIpConflicting", f"{dns} is the API server's")


def pool_can_be_made(call: Call) -> None:
    _pools_fit(call, [call.inputs])


def _pools_fit(call: Call, pools: list[Props]) -> None:
    for pool in pools:
        system = pool.get("mode") == "System"
        if "count" not in pool:
            call.refuse("InvalidParameter", "Required parameter agentPoolProfile.count is missing (null)")
        low, high = pool.get("minCount", 0), pool.get("maxCount", 1000)
        low = max(low, 1) if system else low
        # Only of a new pool: later the autoscaler sees to it (Azure/AKS#1758).
        new = call.before is None and pool.get("enableAutoScaling")
        if new and not low <= pool.get("minCount", low) <= pool["count"] <= high:
            call.refuse("InvalidParameter", f"count must be from minCount:{low} to maxCount:{high}")
        if system and pool.get("osType", "Linux") != "Linux":
            call.refuse("InvalidParameter", "a system pool's osType must be Linux")


def server_can_be_made(call: Call) -> None:
    tier, mode = call.get("sku.tier"), call.get("highAvailability.mode") or "Disabled"
    if tier == "Burstable" and mode != "Disabled":
        call.refuse("BadRequest", "High availability is not supported for Burstable tier")
    subnet = call.get("network.delegatedSubnetResourceId")
    if subnet:
        _server_fits_subnet(call, subnet, call.get("network.privateDnsZoneArmResourceId"))
    low, size = (
        (call.before or {}).get("storage", {}).get("storageSizeGB", 0),
        call.get("storage.storageSizeGB"),
    )
    if size and size < low:
        call.refuse("BadRequest", f"storage cannot be scaled down, from {low} to {size} GiB")


def _server_fits_subnet(call: Call, subnet: str, zone: str | None) -> None:
    if not zone:
        call.refuse("EmptyPrivateDnsZoneArmResourceId", "a server in a network needs its private DNS zone")
        return
    if call.get("network.publicNetworkAccess") != "Disabled":
        code = "ConflictingPublicNetworkAccessAndVirtualNetworkConfiguration"
        call.refuse(code, "publicNetworkAccess must be Disabled")
    if DELEGATED not in _named_by(call.cloud, [subnet], "delegations.*.serviceName"):
        call.refuse("OperationFailed", f"{subnet} is missing required delegations {DELEGATED}")
    if not zone.endswith(".postgres.database.azure.com"):
        call.refuse("PrivateDnsZoneNameNotValid", f"{zone} must end with .postgres.database.azure.com")
    vnet = subnet.rpartition("/subnets/")[0]
    if not any(vnet in find(link["inputs"], "virtualNetwork.id") for link in call.cloud.below(zone)):
        call.refuse("BadRequest", f"The virtual network {vnet} is not linked to private DNS zone {zone}")


def firewall_is_public(call: Call) -> None:
    server = call.cloud.get(call.id.rpartition("/firewallRules/")[0])
    if server and list(find(server["inputs"], "network.delegatedSubnetResourceId")):
        call.refuse("BadRequest", "firewall rules need a server with public access")


def services_know_subnets(call: Call) -> None:
    """A rule for a subnet needs the service's endpoint in it."""
    service = ".".join(("Microsoft", "KeyVault" if "keyvault" in call.type else "Storage"))
    for path in ALLOWED_SUBNETS:
        for subnet in find(call.inputs, path):
            if service not in _named_by(call.cloud, [subnet], "serviceEndpoints.*.service"):
                text = f"{subnet} does not have ServiceEndpoints for {service} resources"
                call.refuse("SubnetsHaveNoServiceEndpointsConfigured", text)


def account_name_is_free(call: Call) -> None:
    name = call.id.rpartition("/")[2]
    for other in call.cloud.all(call.type):
        if other["id"] != call.id and other["id"].rpartition("/")[2] == name:
            call.refuse("StorageAccountAlreadyTaken", f"The storage account named {name} is already taken")


def copies_stay_in_their_zones(call: Call) -> None:
    """Azure moves an account into zones, and out, only on request (az storage account migration)."""
    before, now = next(find(call.before or {}, "sku.name"), None), str(call.get("sku.name"))
    if before and ("Z" in before) != ("Z" in now):
        call.refuse("StorageAccountTypeConversionNotAllowed", f"conversion from {before} to {now}")


def container_is_private(call: Call) -> None:
    account = call.cloud.get(call.id.partition("/blobServices/")[0])
    allowed = list(find(account["inputs"] if account else {}, "allowBlobPublicAccess"))
    if call.get("publicAccess") not in (None, "None") and allowed != [True]:
        call.refuse("PublicAccessNotPermitted", "Public access is not permitted on this storage account")


def vault_name_is_free(call: Call) -> None:
    name = call.id.rpartition("/")[2].lower()
    for other in call.cloud.all(call.type):
        if other["id"] != call.id and other["id"].rpartition("/")[2].lower() == name:
            call.refuse("VaultAlreadyExists", f"The vault name {name} is already in use")
    for deleted in call.cloud.all(SOFT_DELETED):
        if deleted["id"].rpartition("/")[2].lower() == name:
            call.refuse("ConflictError", "A vault with the same name already exists in deleted state")


def purge_protection_is_not_refused(call: Call) -> None:
    if call.get("properties.enablePurgeProtection") is False:
        call.refuse("BadRequest", 'The property "enablePurgeProtection" cannot be set to false')


def credential_can_be_made(call: Call) -> None:
    beside = [
        other
        for other in call.cloud.all(call.type)
        if other["id"] != call.id and other["id"].rpartition("/")[0] == call.id.rpartition("/")[0]
    ]
    if len(beside) >= MOST_CREDENTIALS:
        call.refuse("BadRequest", f"Too many Federated Identity Credentials, at most {MOST_CREDENTIALS}")
    if any(all(o["inputs"][k] == call.inputs[k] for k in ("issuer", "subject")) for o in beside):
        call.refuse("BadRequest", "Issuer and subject combination already exists for this Managed Identity")


def issuer_signs_tokens(call: Call) -> None:
    """Azure takes any issuer; with one that nobody has, letter for letter, nobody can log in."""
    clusters = call.cloud.all("azure-native:containerservice:ManagedCluster")
    known = [o["outputs"]["oidcIssuerProfile"]["issuerURL"] for o in clusters]
    # Concourse signs tokens as well; it is a host in a zone of ours.
    zones = [*call.cloud.all("given"), *call.cloud.all("azure-native:dns:Zone")]
    own = [o["id"].rpartition("/dnsZones/")[2] for o in zones if "/dnsZones/" in o["id"]]
    host = call.inputs["issuer"].removeprefix("https://")
    if call.inputs["issuer"] not in known and not any(f".{host}".endswith(f".{zone}") for zone in own):
        call.refuse("AADSTS70021", f"No matching federated identity record for {call.inputs['issuer']}")


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


def cluster_is_gone(call: Call) -> None:
    """What was in a cluster goes with it."""
    call.cloud.drop("/kubernetes" + call.id)


def server(call: Call) -> Props:
    name = call.id.rpartition("/")[2]
    return named(call) | {
        "fullyQualifiedDomainName": f"{name}.postgres.database.azure.com",
        "state": "Ready",
    }


def account(call: Call) -> Props:
    blob = f"https://{call.id.rpartition('/')[2]}.blob.core.windows.net/"
    return named(call) | {"primaryEndpoints": {"blob": blob}}


def vault(call: Call) -> Props:
    uri = f"https://{call.id.rpartition('/')[2]}.vault.azure.net/"
    return named(call) | {"properties": call.inputs["properties"] | {"vaultUri": uri}}


def soft_deleted(call: Call) -> None:
    """A deleted vault can be had back, and its name is not free."""
    name, location = call.id.rpartition("/")[2], call.get("location")
    above = "/".join(call.id.split("/")[:3])
    id_ = f"{above}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}"
    call.cloud.put(id_, SOFT_DELETED, call.inputs, {})


def key(call: Call) -> Props:
    inside, name = call.id.split("/")[-3], call.id.rpartition("/")[2]
    uri, version = f"https://{inside}.vault.azure.net/keys/{name}", call.cloud.stable.guid(call.id)
    return named(call) | {"keyUri": uri, "keyUriWithVersion": f"{uri}/{version.replace('-', '')}"}


def zone(call: Call) -> Props:
    """A zone made again has other name servers."""
    found = call.cloud.get(call.id)
    if found:
        return dict(found["outputs"])
    number = 1 + call.cloud.writes % 9
    servers = enumerate(("com", "net", "org", "info"), start=1)
    return named(call) | {"nameServers": [f"ns{n}-0{number}.azure-dns.{top}." for n, top in servers]}


def account_keys(cloud: Cloud, args: Props) -> Props:
    found = by_name(cloud, "azure-native:storage:StorageAccount", args)
    return {
        "keys": [
            {"keyName": name, "value": cloud.stable.guid(found["id"], name), "permissions": "FULL"}
            for name in ("key1", "key2")
        ]
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
        answer: Props = {"id": found["id"]} | found["inputs"] | found["outputs"]
        return answer

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
RANGES = {"podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16"}
DNS_SERVICE = "10.0.0.10"
"""What the SDK says where the program says nothing."""
DELEGATED = "Microsoft.DBforPostgreSQL/flexibleServers"
ZONES_STAY = "ResourceAvailabilityZonesCannotBeModified"
ALLOWED_SUBNETS = (
    "networkRuleSet.virtualNetworkRules.*.virtualNetworkResourceId",
    "properties.networkAcls.virtualNetworkRules.*.id",
)
MOST_CREDENTIALS = 20
SOFT_DELETED = "soft-deleted"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
STORAGE = "Microsoft.Storage/storageAccounts/{accountName}"
KEY_VAULT = "Microsoft.KeyVault/vaults/{vaultName}"
DNS = "Microsoft.Network/dnsZones/{zoneName}"
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
        checks=(ranges_are_valid,), replaces=("location", "virtualNetworkName", "resourceGroupName"),
        queue="{resourceGroupName}/{virtualNetworkName}"),
    "azure-native:network:Subnet": Kind(
        id=arm("Microsoft.Network/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}"),
        name="subnetName", pattern=GENERIC, required=("addressPrefix",), outputs=named, seconds=5,
        replaces=("subnetName", "virtualNetworkName", "resourceGroupName"),
        references=("natGateway.id", "networkSecurityGroup.id", "routeTable.id"), checks=(subnet_fits,),
        queue="{resourceGroupName}/{virtualNetworkName}", fixed=("defaultOutboundAccess",),
        in_use="InUseSubnetCannotBeDeleted"),
    "azure-native:network:NetworkSecurityGroup": Kind(
        id=arm("Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}"),
        name="networkSecurityGroupName", pattern=GENERIC, outputs=named, seconds=4,
        in_use="InUseNetworkSecurityGroupCannotBeDeleted",
        replaces=("location", "networkSecurityGroupName", "resourceGroupName")),
    "azure-native:network:PublicIPAddress": Kind(
        id=arm("Microsoft.Network/publicIPAddresses/{publicIpAddressName}"), name="publicIpAddressName",
        pattern=GENERIC, outputs=address, checks=(standard_is_static,), seconds=4,
        replaces=("location", "publicIPAddressVersion", "publicIPPrefix", "sku", "publicIpAddressName",
                  "resourceGroupName"),
        fixed=("zones",), frozen=ZONES_STAY, in_use="PublicIPAddressCannotBeDeleted"),
    "azure-native:network:NatGateway": Kind(
        id=arm("Microsoft.Network/natGateways/{natGatewayName}"), name="natGatewayName", pattern=GENERIC,
        required=("sku.name",), references=("publicIpAddresses.*.id",), outputs=named, seconds=10,
        replaces=("location", "natGatewayName", "resourceGroupName"), fixed=("zones",), frozen=ZONES_STAY,
        in_use="InUseNatGatewayCannotBeDeleted"),
    "azure-native:privatedns:PrivateZone": Kind(
        id=arm("Microsoft.Network/privateDnsZones/{privateZoneName}"), name="privateZoneName",
        pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+", checks=(dns_is_global,), outputs=named, seconds=30,
        replaces=("location", "privateZoneName", "resourceGroupName")),
    "azure-native:privatedns:VirtualNetworkLink": Kind(
        id=arm("Microsoft.Network/privateDnsZones/{privateZoneName}/virtualNetworkLinks/{virtualNetworkLinkName}"),
        name="virtualNetworkLinkName", references=("virtualNetwork.id",), checks=(dns_is_global,),
        outputs=named, seconds=30, replaces=("location", "virtualNetworkLinkName", "virtualNetwork")),
    "azure-native:managedidentity:UserAssignedIdentity": Kind(
        id=arm(IDENTITY), name="resourceName",
        pattern=r"[A-Za-z0-9][-\w]{2,127}", outputs=identity, seconds=3,
        replaces=("location", "resourceName", "resourceGroupName")),
    "azure-native:authorization:RoleAssignment": Kind(
        id="{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        name="roleAssignmentName", required=("principalId", "roleDefinitionId", "scope"),
        references=("scope",), replaces=("principalId", "scope", "roleAssignmentName"),
        fixed=("roleDefinitionId",), frozen="RoleAssignmentUpdateNotPermitted",
        checks=(role_is_free,), role="Role Based Access Control Administrator", seconds=3),
    "azure-native:containerservice:ManagedCluster": Kind(
        id=arm(AKS), name="resourceName", pattern=r"[a-zA-Z0-9]([-\w]{0,61}[a-zA-Z0-9])?",
        required=("identity.type", "dnsPrefix", "agentPoolProfiles"),
        references=("agentPoolProfiles.*.vnetSubnetID", "identity.userAssignedIdentities.*"),
        checks=(cluster_can_be_made,), reshaped=("identity",), outputs=cluster, seconds=300,
        leaves=cluster_is_gone,
        queue="{resourceName}", busy="OperationNotAllowed",
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
    "azure-native:managedidentity:FederatedIdentityCredential": Kind(
        id=arm(IDENTITY + "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}"),
        name="federatedIdentityCredentialResourceName", pattern=r"[A-Za-z0-9][-\w]{2,119}", outputs=named,
        seconds=3, replaces=("federatedIdentityCredentialResourceName", "resourceName", "resourceGroupName"),
        checks=(credential_can_be_made, issuer_signs_tokens),
        queue="{resourceGroupName}/" + IDENTITY,
        busy="ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"),
    "azure-native:storage:StorageAccount": Kind(
        id=arm(STORAGE), name="accountName", pattern="[a-z0-9]{3,24}", outputs=account, seconds=25,
        references=ALLOWED_SUBNETS[:1], checks=(account_name_is_free, services_know_subnets, copies_stay_in_their_zones),
        replaces=("location", "accountName", "resourceGroupName", "isHnsEnabled")),
    "azure-native:storage:BlobServiceProperties": Kind(
        id=arm(STORAGE + "/blobServices/{blobServicesName}"), name="blobServicesName", pattern="default",
        replaces=("blobServicesName", "accountName", "resourceGroupName"), outputs=named, singleton=True),
    "azure-native:storage:BlobContainer": Kind(
        id=arm(STORAGE + "/blobServices/default/containers/{containerName}"), name="containerName",
        pattern=r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*", checks=(container_is_private,), outputs=named,
        replaces=("containerName", "accountName", "resourceGroupName")),
    "azure-native:storage:ManagementPolicy": Kind(
        id=arm(STORAGE + "/managementPolicies/{managementPolicyName}"), name="managementPolicyName",
        pattern="default", replaces=("managementPolicyName", "accountName", "resourceGroupName"), outputs=named),
    "azure-native:keyvault:Secret": Kind(
        id=arm(KEY_VAULT + "/secrets/{secretName}"), name="secretName", pattern="[A-Za-z0-9-]{1,127}",
        outputs=named, hidden=("properties",), replaces=("secretName", "vaultName", "resourceGroupName")),
    "azure-native:keyvault:Vault": Kind(
        id=arm(KEY_VAULT), name="vaultName", pattern=r"(?=.{3,24}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*",
        references=ALLOWED_SUBNETS[1:], reshaped=("properties",), outputs=vault, leaves=soft_deleted,
        checks=(vault_name_is_free, purge_protection_is_not_refused, services_know_subnets), seconds=30,
        replaces=("location", "vaultName", "resourceGroupName"),
        fixed=("properties.softDeleteRetentionInDays",), frozen="BadRequest"),
    "azure-native:keyvault:Key": Kind(
        id=arm(KEY_VAULT + "/keys/{keyName}"), name="keyName", pattern="[A-Za-z0-9-]{1,127}", outputs=key,
        replaces=("keyName", "vaultName", "resourceGroupName"),
        # A second PUT is answered with 200, and the key stays as it was.
        fixed=("properties", "tags"), frozen="KeyIsNotChanged"),
    "azure-native:dns:Zone": Kind(
        id=arm(DNS), name="zoneName", pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+", checks=(dns_is_global,),
        outputs=zone, seconds=5, replaces=("location", "zoneName", "resourceGroupName")),
    "azure-native:dns:RecordSet": Kind(
        id=arm(DNS + "/{recordType}/{relativeRecordSetName}"), name="relativeRecordSetName", outputs=named,
        pattern=r"@|[\w*-]+(\.[\w-]+)*", required=("ttl",),
        replaces=("recordType", "relativeRecordSetName", "zoneName", "resourceGroupName")),
}  # fmt: skip

INVOKES = {
    "azure-native:authorization:getClientConfig": client_config,
    "azure-native:containerservice:listManagedClusterUserCredentials": user_credentials,
    "azure-native:containerservice:getManagedCluster": existing(
        "azure-native:containerservice:ManagedCluster"
    ),
    "azure-native:managedidentity:getUserAssignedIdentity": existing(
        "azure-native:managedidentity:UserAssignedIdentity"
    ),
    "azure-native:storage:listStorageAccountKeys": account_keys,
}
