"""Azure Resource Manager: one `ResourceType` for each type that the platform uses.

Sources: azure-native's replacement.go and the specs' create-only marks (what replaces), the services'
documentation and issues (what is refused), azure-rest-api-specs (names). Patterns and limits are checked
once more against Microsoft's own `_validation` maps in the tests.
"""

import base64
import dataclasses
import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from rehearsal.properties import Props, find, unknown
from rehearsal.resource_types import Request, ResourceType, dependants
from rehearsal.store import RefusedError, Store

SUBSCRIPTION = "/subscriptions/{subscriptionId}"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"


def arm(path: str) -> str:
    """The id of a resource in a resource group, from `Microsoft.Network/virtualNetworks/{virtualNetworkName}`."""
    return f"{SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}/providers/{path}"


def arm_outputs(request: Request) -> Props:
    """The outputs of every ARM object."""
    group = request.id.split("/")[4] if request.id.count("/") > 4 else ""  # noqa: PLR2004
    found = request.store.get("/".join(request.id.split("/")[:5])) if group else None
    location = request.inputs.get("location") or (found or {}).get("inputs", {}).get("location")
    answer = {"name": request.id.rpartition("/")[2], "azureApiVersion": "", "provisioningState": "Succeeded"}
    return answer | ({"location": location} if location else {})


# Refusals of each service, with the error codes of failures.yaml


def net(range_: str) -> Any:
    """An address range from its CIDR notation."""
    try:
        return ipaddress.ip_network(range_)
    except ValueError as problem:
        raise RefusedError("InvalidCIDRNotation", str(problem)) from None


def spaces(store: Store, subnet: str) -> list[str]:
    """The address space of a subnet's network."""
    vnet = store.get(subnet.rpartition("/subnets/")[0])
    return list(find(vnet["inputs"] if vnet else {}, "addressSpace.addressPrefixes.*"))


def ranges_are_valid(request: Request) -> None:
    for range_ in find(request.inputs, "addressSpace.addressPrefixes.*"):
        net(range_)


def subnet_fits(request: Request) -> None:
    mine, space = net(request.inputs["addressPrefix"]), spaces(request.store, request.id)
    if not any(mine.subnet_of(net(range_)) for range_ in space):
        request.refuse("NetcfgSubnetRangeOutsideVnet", f"{mine} is outside of the network's {space}")
    for other in request.store.all(request.type):
        beside = other["id"].rpartition("/")[0] == request.id.rpartition("/")[0]
        if beside and other["id"] != request.id and mine.overlaps(net(other["inputs"]["addressPrefix"])):
            request.refuse("NetcfgSubnetRangesOverlap", f"{mine} overlaps {other['id']}")
    moved = request.before and request.before["addressPrefix"] != request.inputs["addressPrefix"]
    for user in dependants(request.store, request.id, RESOURCE_TYPES) if moved else ():
        request.refuse("InUsePrefixCannotBeDeleted", f"{user} has addresses in it")


def standard_is_static(request: Request) -> None:
    if request.get("sku.name") == "Standard" and request.get("publicIPAllocationMethod") != "Static":
        request.refuse("StandardSkuPublicIPAddressesMustBeStatic", "AllocationMethod must be set to Static")


def dns_is_global(request: Request) -> None:
    if str(request.get("location")).lower() != "global":
        request.refuse("LocationNotAvailableForResourceType", "DNS is a global service: location Global")


def role_is_free(request: Request) -> None:
    same = ("principalId", "roleDefinitionId", "scope")
    for other in request.store.all(request.type):
        if other["id"] != request.id and all(other["inputs"].get(k) == request.inputs.get(k) for k in same):
            request.refuse("RoleAssignmentExists", "the role assignment already exists")
    if not request.get("principalType"):
        request.refuse("PrincipalNotFound", "a new principal is not in the directory yet; set principalType")


def cluster_can_be_made(request: Request) -> None:
    if request.get("disableLocalAccounts") and not request.get("aadProfile.managed"):
        request.refuse(
            "BadRequest", "disableLocalAccounts can only be set on Azure AD integration enabled cluster"
        )
    for group in find(request.inputs, "aadProfile.adminGroupObjectIDs.*"):
        if request.store.get(f"/groups/{group}") is None:  # AKS accepts it, and nobody can log in
            request.refuse("AdminGroupNotFound", f"there is no Entra group {group}")
    if request.get("securityProfile.workloadIdentity.enabled") and not request.get(
        "oidcIssuerProfile.enabled"
    ):
        request.refuse("BadRequest", "Azure AD Workload Identity requires OIDC issuer")
    _egress_exists(request)
    _identity_may_join(request)
    _ranges_are_apart(request)
    _pools_fit(request, list(find(request.inputs, "agentPoolProfiles.*")))


def _egress_exists(request: Request) -> None:
    """Nodes reach the internet, and from that address the API server."""
    if request.get("networkProfile.outboundType") != "userAssignedNATGateway":
        return
    allowed = [net(range_) for range_ in find(request.inputs, "apiServerAccessProfile.authorizedIPRanges.*")]
    for id_ in find(request.inputs, "agentPoolProfiles.*.vnetSubnetID"):
        gateways = list(_named_by(request.store, [id_], "natGateway.id"))
        addresses = list(_named_by(request.store, gateways, "publicIpAddresses.*.id"))
        if not gateways:
            request.refuse("SubnetNotAssociatedWithNATGateway", f"{id_} must have a NAT gateway")
        if not addresses:
            request.refuse("NATGatewayNotAssociatedWithPublicIPOrIPPrefix", f"{gateways} have no address")
        for address in (request.store.get(address) for address in addresses):
            given = ipaddress.ip_address(address["outputs"]["ipAddress"]) if address else None
            if allowed and not any(given in range_ for range_ in allowed):
                request.refuse(
                    "K8SAPIServerConnFailVMExtensionError", f"nodes, at {given}, may not use the API"
                )


def _named_by(store: Store, ids: list[str], path: str) -> Iterator[str]:
    for found in (store.get(id_) for id_ in ids):
        yield from find(found["inputs"] if found else {}, path)


def _identity_may_join(request: Request) -> None:
    """The cluster's identity needs the role Network Contributor on the subnets of its nodes."""
    for identity in find(request.inputs, "identity.userAssignedIdentities.*"):
        found = request.store.get(identity)
        principal = found["outputs"]["principalId"] if found else ""
        for subnet in find(request.inputs, "agentPoolProfiles.*.vnetSubnetID"):
            if not holds(request.store, principal, NETWORK_CONTRIBUTOR, subnet):
                request.refuse("LinkedAuthorizationFailed", f"{identity} may not join {subnet}")


def holds(store: Store, principal: str, role: str, scope: str) -> bool:
    """Whether a principal has a role (its GUID) at a scope or above."""
    return any(
        o["inputs"]["principalId"] == principal
        and o["inputs"]["roleDefinitionId"].endswith(role)
        and (scope == o["inputs"]["scope"] or scope.startswith(o["inputs"]["scope"] + "/"))
        for o in store.all("azure-native:authorization:RoleAssignment")
    )


def _ranges_are_apart(request: Request) -> None:
    pods, services = (net(request.get(f"networkProfile.{p}") or d) for p, d in RANGES.items())
    if pods.overlaps(services):
        request.refuse("BadRequest", f"the pod CIDR {pods} overlaps with the service CIDR {services}")
    for id_ in find(request.inputs, "agentPoolProfiles.*.vnetSubnetID"):
        for space in spaces(request.store, id_):
            if pods.overlaps(net(space)):
                request.refuse(
                    "NetworkProfileCIDROverlapVNET", f"CIDR {pods} overlaps with VNET CIDR {space}"
                )
        for subnet in request.store.below(id_.rpartition("/subnets/")[0]):
            taken = subnet["inputs"].get("addressPrefix")
            if taken and services.overlaps(net(taken)):
                request.refuse(
                    "ServiceCidrOverlapExistingSubnetsCidr", f"{services} and {subnet['id']}'s {taken}"
                )
    dns = ipaddress.ip_address(request.get("networkProfile.dnsServiceIP") or DNS_SERVICE)
    if dns not in services:
        request.refuse("DnsServiceIpOutOfServiceCidr", f"{dns} is not in {services}")
    if dns == services[1]:
        request.refuse("DnsServiceIpConflicting", f"{dns} is the API server's")


def pool_can_be_made(request: Request) -> None:
    _pools_fit(request, [request.inputs])


def _pools_fit(request: Request, pools: list[Props]) -> None:
    for pool in pools:
        system = pool.get("mode") == "System"
        if "count" not in pool:
            request.refuse("InvalidParameter", "Required parameter agentPoolProfile.count is missing (null)")
        low, high = pool.get("minCount", 0), pool.get("maxCount", 1000)
        low = max(low, 1) if system else low
        # Only for a new pool: later the autoscaler adapts the count (Azure/AKS#1758).
        new = request.before is None and pool.get("enableAutoScaling")
        if new and not low <= pool.get("minCount", low) <= pool["count"] <= high:
            request.refuse("InvalidParameter", f"count must be from minCount:{low} to maxCount:{high}")
        if system and pool.get("osType", "Linux") != "Linux":
            request.refuse("InvalidParameter", "a system pool's osType must be Linux")


def server_can_be_made(request: Request) -> None:
    tier, mode = request.get("sku.tier"), request.get("highAvailability.mode") or "Disabled"
    if tier == "Burstable" and mode != "Disabled":
        request.refuse("BadRequest", "High availability is not supported for Burstable tier")
    subnet = request.get("network.delegatedSubnetResourceId")
    if subnet:
        _server_fits_subnet(request, subnet, request.get("network.privateDnsZoneArmResourceId"))
    low, size = (
        (request.before or {}).get("storage", {}).get("storageSizeGB", 0),
        request.get("storage.storageSizeGB"),
    )
    if size and size < low:
        request.refuse("BadRequest", f"storage cannot be scaled down, from {low} to {size} GiB")


def _server_fits_subnet(request: Request, subnet: str, zone: str | None) -> None:
    if not zone:
        request.refuse("EmptyPrivateDnsZoneArmResourceId", "a server in a network needs its private DNS zone")
        return
    if request.get("network.publicNetworkAccess") != "Disabled":
        code = "ConflictingPublicNetworkAccessAndVirtualNetworkConfiguration"
        request.refuse(code, "publicNetworkAccess must be Disabled")
    if DELEGATED not in _named_by(request.store, [subnet], "delegations.*.serviceName"):
        request.refuse("OperationFailed", f"{subnet} is missing required delegations {DELEGATED}")
    if not zone.endswith(".postgres.database.azure.com"):
        request.refuse("PrivateDnsZoneNameNotValid", f"{zone} must end with .postgres.database.azure.com")
    vnet = subnet.rpartition("/subnets/")[0]
    if not any(vnet in find(link["inputs"], "virtualNetwork.id") for link in request.store.below(zone)):
        request.refuse("BadRequest", f"The virtual network {vnet} is not linked to private DNS zone {zone}")


def firewall_is_public(request: Request) -> None:
    server = request.store.get(request.id.rpartition("/firewallRules/")[0])
    if server and list(find(server["inputs"], "network.delegatedSubnetResourceId")):
        request.refuse("BadRequest", "firewall rules need a server with public access")


def services_know_subnets(request: Request) -> None:
    """A rule for a subnet needs the service endpoint in that subnet."""
    service = ".".join(("Microsoft", "KeyVault" if "keyvault" in request.type else "Storage"))
    for path in ALLOWED_SUBNETS:
        for subnet in find(request.inputs, path):
            if service not in _named_by(request.store, [subnet], "serviceEndpoints.*.service"):
                text = f"{subnet} does not have ServiceEndpoints for {service} resources"
                request.refuse("SubnetsHaveNoServiceEndpointsConfigured", text)


def account_name_is_free(request: Request) -> None:
    name = request.id.rpartition("/")[2]
    for other in request.store.all(request.type):
        if other["id"] != request.id and other["id"].rpartition("/")[2] == name:
            request.refuse("StorageAccountAlreadyTaken", f"The storage account named {name} is already taken")


def copies_stay_in_their_zones(request: Request) -> None:
    """Zone redundancy changes only by an account migration (az storage account migration)."""
    before, now = next(find(request.before or {}, "sku.name"), None), str(request.get("sku.name"))
    if before and ("Z" in before) != ("Z" in now):
        request.refuse("StorageAccountTypeConversionNotAllowed", f"conversion from {before} to {now}")


def container_is_private(request: Request) -> None:
    account = request.store.get(request.id.partition("/blobServices/")[0])
    allowed = list(find(account["inputs"] if account else {}, "allowBlobPublicAccess"))
    if request.get("publicAccess") not in (None, "None") and allowed != [True]:
        request.refuse("PublicAccessNotPermitted", "Public access is not permitted on this storage account")


def vault_name_is_free(request: Request) -> None:
    name = request.id.rpartition("/")[2].lower()
    for other in request.store.all(request.type):
        if other["id"] != request.id and other["id"].rpartition("/")[2].lower() == name:
            request.refuse("VaultAlreadyExists", f"The vault name {name} is already in use")
    for deleted in request.store.all(SOFT_DELETED):
        if deleted["id"].rpartition("/")[2].lower() == name:
            request.refuse("ConflictError", "A vault with the same name already exists in deleted state")


def purge_protection_is_not_refused(request: Request) -> None:
    if request.get("properties.enablePurgeProtection") is False:
        request.refuse("BadRequest", 'The property "enablePurgeProtection" cannot be set to false')


def credential_can_be_made(request: Request) -> None:
    beside = [
        other
        for other in request.store.all(request.type)
        if other["id"] != request.id and other["id"].rpartition("/")[0] == request.id.rpartition("/")[0]
    ]
    if len(beside) >= MOST_CREDENTIALS:
        request.refuse("BadRequest", f"Too many Federated Identity Credentials, at most {MOST_CREDENTIALS}")
    if any(all(o["inputs"][k] == request.inputs[k] for k in ("issuer", "subject")) for o in beside):
        request.refuse(
            "BadRequest", "Issuer and subject combination already exists for this Managed Identity"
        )


def issuer_signs_tokens(request: Request) -> None:
    """Azure accepts any issuer. Logins fail unless it equals the token's issuer in every character."""
    clusters = request.store.all("azure-native:containerservice:ManagedCluster")
    known = [o["outputs"]["oidcIssuerProfile"]["issuerURL"] for o in clusters]
    # Concourse signs tokens as well, with its own URL as the issuer.
    zones = [*request.store.all("given"), *request.store.all("azure-native:dns:Zone")]
    own = [o["id"].rpartition("/dnsZones/")[2] for o in zones if "/dnsZones/" in o["id"]]
    host = request.inputs["issuer"].removeprefix("https://")
    if request.inputs["issuer"] not in known and not any(f".{host}".endswith(f".{zone}") for zone in own):
        request.refuse("AADSTS70021", f"No matching federated identity record for {request.inputs['issuer']}")


# Outputs


def group(request: Request) -> Props:
    return arm_outputs(request) | {"properties": {"provisioningState": "Succeeded"}}


def address(request: Request) -> Props:
    digits = int(request.store.ids.guid(request.id)[:4], 16)
    return arm_outputs(request) | {"ipAddress": f"20.{50 + digits % 100}.{digits // 256}.{digits % 256}"}


def identity(request: Request) -> Props:
    guid = request.store.ids.guid
    return arm_outputs(request) | {
        "principalId": guid(request.id, "principal"),
        "clientId": guid(request.id, "client"),
        "tenantId": tenant(request.store),
    }


def tenant(store: Store) -> str:
    caller = store.get("/caller")
    return caller["inputs"]["tenantId"] if caller else store.ids.guid("tenant")


def cluster(request: Request) -> Props:
    guid, place = request.store.ids.guid, str(arm_outputs(request).get("location"))
    prefix = f"{request.inputs.get('dnsPrefix', 'aks')}-{guid(request.id)[:8]}"
    ids = {
        i: {"principalId": guid(i, "principal"), "clientId": guid(i, "client")}
        for i in find(request.inputs, "identity.userAssignedIdentities.*")
    }
    kubelet = {"objectId": guid(request.id, "kubelet"), "clientId": guid(request.id, "kubelet-client")}
    return arm_outputs(request) | {
        "fqdn": f"{prefix}.hcp.{place}.azmk8s.io",
        "currentKubernetesVersion": f"{request.get('kubernetesVersion')}.2",
        "identity": {**request.inputs.get("identity", {}), "userAssignedIdentities": ids},
        "identityProfile": {"kubeletidentity": kubelet},
        "nodeResourceGroup": request.get("nodeResourceGroup") or f"MC_{guid(request.id)[:8]}",
        "oidcIssuerProfile": {
            "enabled": bool(request.get("oidcIssuerProfile.enabled")),
            "issuerURL": f"https://{place}.oic.prod-aks.azure.com/{tenant(request.store)}/{guid(request.id)}/",
        },
    }


def cluster_is_gone(request: Request) -> None:
    """Delete the Kubernetes objects of the cluster."""
    request.store.drop("/kubernetes" + request.id)


def server(request: Request) -> Props:
    name = request.id.rpartition("/")[2]
    return arm_outputs(request) | {
        "fullyQualifiedDomainName": f"{name}.postgres.database.azure.com",
        "state": "Ready",
    }


def account(request: Request) -> Props:
    blob = f"https://{request.id.rpartition('/')[2]}.blob.core.windows.net/"
    return arm_outputs(request) | {"primaryEndpoints": {"blob": blob}}


def vault(request: Request) -> Props:
    uri = f"https://{request.id.rpartition('/')[2]}.vault.azure.net/"
    return arm_outputs(request) | {"properties": request.inputs["properties"] | {"vaultUri": uri}}


def soft_deleted(request: Request) -> None:
    """A deleted vault can be recovered, and keeps its name reserved."""
    name, location = request.id.rpartition("/")[2], request.get("location")
    above = "/".join(request.id.split("/")[:3])
    id_ = f"{above}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}"
    request.store.put(id_, SOFT_DELETED, request.inputs, {})


def key(request: Request) -> Props:
    inside, name = request.id.split("/")[-3], request.id.rpartition("/")[2]
    uri, version = f"https://{inside}.vault.azure.net/keys/{name}", request.store.ids.guid(request.id)
    return arm_outputs(request) | {"keyUri": uri, "keyUriWithVersion": f"{uri}/{version.replace('-', '')}"}


def zone(request: Request) -> Props:
    """A recreated zone gets other name servers."""
    found = request.store.get(request.id)
    if found:
        return dict(found["outputs"])
    number = 1 + request.store.writes % 9
    servers = enumerate(("com", "net", "org", "info"), start=1)
    return arm_outputs(request) | {"nameServers": [f"ns{n}-0{number}.azure-dns.{top}." for n, top in servers]}


def account_keys(store: Store, args: Props) -> Props:
    found = by_name(store, "azure-native:storage:StorageAccount", args)
    return {
        "keys": [
            {"keyName": name, "value": store.ids.guid(found["id"], name), "permissions": "FULL"}
            for name in ("key1", "key2")
        ]
    }


def user_credentials(store: Store, args: Props) -> Props:
    """A cluster's kubeconfig as Azure returns it: with an exec plugin and without a secret."""
    found = by_name(store, "azure-native:containerservice:ManagedCluster", args)
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


def get_function(type_: str) -> Any:
    """The `get…` function of a type: the current object."""

    def get(store: Store, args: Props) -> Props:
        found = by_name(store, type_, args)
        answer: Props = {"id": found["id"]} | found["inputs"] | found["outputs"]
        return answer

    return get


def by_name(store: Store, type_: str, args: Props) -> dict[str, Any]:
    """The object in a resource group that a function's arguments name."""
    if unknown(args):
        raise RefusedError("UnknownValue", "called with a value that is not known yet")
    last = [value for key, value in args.items() if key not in ("resourceGroupName", "format", "expand")]
    for found in store.all(type_):
        inside = f"/resourceGroups/{args.get('resourceGroupName')}/" in found["id"]
        if inside and found["id"].rpartition("/")[2] == last[-1]:
            return found
    raise RefusedError("ResourceNotFound", f"no {type_} named {last} in {args.get('resourceGroupName')}")


def subscribed(store: Store, config: Props) -> None:
    """The provider's subscription exists."""
    id_ = config.get("subscriptionId", "")
    if store.get(f"/subscriptions/{id_}") is None:
        raise RefusedError("SubscriptionNotFound", f"there is no subscription {id_!r}")


VM = r"[a-z][a-z0-9]{0,11}"
GENERIC = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?"
SQL = r"[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])"
RANGES = {"podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16"}
DNS_SERVICE = "10.0.0.10"
"""The SDK's defaults."""
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
SERVER_BUSY: Any = {"lock_key": PG, "conflict_code": "ServerIsBusy"}


def arm_type(id_: str, replaces: tuple[str, ...] = (), **rules: Any) -> ResourceType:
    """A type whose name is the last placeholder of its id. A change of any placeholder forces a replacement."""
    row = ResourceType(id=id_, **{"outputs": arm_outputs} | rules)
    return dataclasses.replace(row, name=row.placeholders[-1], replaces=(*replaces, *row.placeholders))


RESOURCE_TYPES: dict[str, ResourceType] = {
    "azure-native:resources:ResourceGroup": arm_type(
        SUBSCRIPTION + "/resourceGroups/{resourceGroupName}", pattern=r"[-\w._()]{0,89}[-\w_()]",
        required=("location",), replaces=("location",), outputs=group, seconds=3),
    "azure-native:network:VirtualNetwork": arm_type(
        arm("Microsoft.Network/virtualNetworks/{virtualNetworkName}"), pattern=GENERIC,
        required=("addressSpace.addressPrefixes",), seconds=5, checks=(ranges_are_valid,), replaces=("location",),
        lock_key="{resourceGroupName}/{virtualNetworkName}"),
    "azure-native:network:Subnet": arm_type(
        arm("Microsoft.Network/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}"), pattern=GENERIC,
        required=("addressPrefix",), seconds=5,
        references=("natGateway.id", "networkSecurityGroup.id", "routeTable.id"), checks=(subnet_fits,),
        lock_key="{resourceGroupName}/{virtualNetworkName}", immutable=("defaultOutboundAccess",),
        in_use="InUseSubnetCannotBeDeleted"),
    "azure-native:network:NetworkSecurityGroup": arm_type(
        arm("Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}"), pattern=GENERIC, seconds=4,
        in_use="InUseNetworkSecurityGroupCannotBeDeleted", replaces=("location",)),
    "azure-native:network:PublicIPAddress": arm_type(
        arm("Microsoft.Network/publicIPAddresses/{publicIpAddressName}"), pattern=GENERIC, outputs=address,
        checks=(standard_is_static,), seconds=4,
        replaces=("location", "publicIPAddressVersion", "publicIPPrefix", "sku"), immutable=("zones",),
        immutable_error=ZONES_STAY, in_use="PublicIPAddressCannotBeDeleted"),
    "azure-native:network:NatGateway": arm_type(
        arm("Microsoft.Network/natGateways/{natGatewayName}"), pattern=GENERIC, required=("sku.name",),
        references=("publicIpAddresses.*.id",), seconds=10, replaces=("location",), immutable=("zones",),
        immutable_error=ZONES_STAY, in_use="InUseNatGatewayCannotBeDeleted"),
    "azure-native:privatedns:PrivateZone": arm_type(
        arm("Microsoft.Network/privateDnsZones/{privateZoneName}"), pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+",
        checks=(dns_is_global,), seconds=30, replaces=("location",)),
    "azure-native:privatedns:VirtualNetworkLink": arm_type(
        arm("Microsoft.Network/privateDnsZones/{privateZoneName}/virtualNetworkLinks/{virtualNetworkLinkName}"),
        references=("virtualNetwork.id",), checks=(dns_is_global,), seconds=30,
        replaces=("location", "virtualNetwork")),
    "azure-native:managedidentity:UserAssignedIdentity": arm_type(
        arm(IDENTITY), pattern=r"[A-Za-z0-9][-\w]{2,127}", outputs=identity, seconds=3, replaces=("location",)),
    "azure-native:authorization:RoleAssignment": arm_type(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        required=("principalId", "roleDefinitionId", "scope"), references=("scope",), replaces=("principalId",),
        immutable=("roleDefinitionId",), immutable_error="RoleAssignmentUpdateNotPermitted", checks=(role_is_free,),
        role="Role Based Access Control Administrator", seconds=3),
    "azure-native:containerservice:ManagedCluster": arm_type(
        arm(AKS), pattern=r"[a-zA-Z0-9]([-\w]{0,61}[a-zA-Z0-9])?",
        required=("identity.type", "dnsPrefix", "agentPoolProfiles"),
        references=("agentPoolProfiles.*.vnetSubnetID", "identity.userAssignedIdentities.*"),
        checks=(cluster_can_be_made,), unknown_in_preview=("identity",), outputs=cluster, seconds=300,
        on_delete=cluster_is_gone, lock_key="{resourceName}", conflict_code="OperationNotAllowed",
        replaces=("diskEncryptionSetID", "dnsPrefix", "fqdnSubdomain", "linuxProfile", "windowsProfile", "location",
                  "nodeResourceGroup", *(f"networkProfile.{p}" for p in (
                      "serviceCidr", "serviceCidrs", "dnsServiceIP", "networkMode", "networkPlugin",
                      "networkPluginMode", "podCidr", "networkDataplane", "networkPolicy", "outboundType"))),
        immutable=tuple(f"agentPoolProfiles.*.{p}" for p in (
            "vmSize", "osDiskType", "osDiskSizeGB", "maxPods", "vnetSubnetID", "availabilityZones"))),
    "azure-native:containerservice:AgentPool": arm_type(
        arm(AKS + "/agentPools/{agentPoolName}"), pattern=VM, required=("count", "vmSize", "mode"),
        references=("vnetSubnetID",), checks=(pool_can_be_made,), seconds=120,
        replaces=("vmSize", "gpuInstanceProfile"),
        immutable=("osDiskType", "osDiskSizeGB", "maxPods", "vnetSubnetID", "osType", "availabilityZones")),
    "azure-native:containerservice:MaintenanceConfiguration": arm_type(
        arm(AKS + "/maintenanceConfigurations/{configName}"), seconds=3,
        pattern="default|aksManagedAutoUpgradeSchedule|aksManagedNodeOSUpgradeSchedule"),
    "azure-native:dbforpostgresql:Server": arm_type(
        arm(PG), pattern=SQL, write_only=("administratorLoginPassword",),
        required=("version", "sku.name", "sku.tier", "storage", "administratorLogin"),
        references=("network.delegatedSubnetResourceId", "network.privateDnsZoneArmResourceId"),
        replaces=("administratorLogin", "sourceServerResourceId", "pointInTimeUTC", "availabilityZone", "backup.geoRedundantBackup", "location"),
        immutable=("network.delegatedSubnetResourceId",), checks=(server_can_be_made,), outputs=server, seconds=600,
        **SERVER_BUSY),
    "azure-native:dbforpostgresql:Database": arm_type(
        arm(PG + "/databases/{databaseName}"), seconds=10, immutable=("charset", "collation"), **SERVER_BUSY),
    "azure-native:dbforpostgresql:Configuration": arm_type(
        arm(PG + "/configurations/{configurationName}"), required=("value", "source"), seconds=15, singleton=True,
        **SERVER_BUSY),
    "azure-native:dbforpostgresql:FirewallRule": arm_type(
        arm(PG + "/firewallRules/{firewallRuleName}"), seconds=15, checks=(firewall_is_public,), **SERVER_BUSY),
    "azure-native:managedidentity:FederatedIdentityCredential": arm_type(
        arm(IDENTITY + "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}"),
        pattern=r"[A-Za-z0-9][-\w]{2,119}", seconds=3, checks=(credential_can_be_made, issuer_signs_tokens),
        lock_key="{resourceGroupName}/" + IDENTITY,
        conflict_code="ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"),
    "azure-native:storage:StorageAccount": arm_type(
        arm(STORAGE), pattern="[a-z0-9]{3,24}", outputs=account, seconds=25, references=ALLOWED_SUBNETS[:1],
        checks=(account_name_is_free, services_know_subnets, copies_stay_in_their_zones),
        replaces=("location", "isHnsEnabled")),
    "azure-native:storage:BlobServiceProperties": arm_type(
        arm(STORAGE + "/blobServices/{blobServicesName}"), pattern="default", singleton=True),
    "azure-native:storage:BlobContainer": arm_type(
        arm(STORAGE + "/blobServices/default/containers/{containerName}"),
        pattern=r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*", checks=(container_is_private,)),
    "azure-native:storage:ManagementPolicy": arm_type(
        arm(STORAGE + "/managementPolicies/{managementPolicyName}"), pattern="default"),
    "azure-native:keyvault:Secret": arm_type(
        arm(KEY_VAULT + "/secrets/{secretName}"), pattern="[A-Za-z0-9-]{1,127}", write_only=("properties",)),
    "azure-native:keyvault:Vault": arm_type(
        arm(KEY_VAULT), pattern=r"(?=.{3,24}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*", references=ALLOWED_SUBNETS[1:],
        unknown_in_preview=("properties",), outputs=vault, on_delete=soft_deleted,
        checks=(vault_name_is_free, purge_protection_is_not_refused, services_know_subnets), seconds=30,
        replaces=("location",), immutable=("properties.softDeleteRetentionInDays",), immutable_error="BadRequest"),
    # Azure answers a second PUT of a key with 200 and does not change the key.
    "azure-native:keyvault:Key": arm_type(
        arm(KEY_VAULT + "/keys/{keyName}"), pattern="[A-Za-z0-9-]{1,127}", outputs=key,
        immutable=("properties", "tags"), immutable_error="KeyIsNotChanged"),
    "azure-native:dns:Zone": arm_type(
        arm(DNS), pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+", checks=(dns_is_global,), outputs=zone, seconds=5,
        replaces=("location",)),
    "azure-native:dns:RecordSet": arm_type(
        arm(DNS + "/{recordType}/{relativeRecordSetName}"), pattern=r"@|[\w*-]+(\.[\w-]+)*", required=("ttl",)),
}  # fmt: skip

INVOKES = {
    "azure-native:containerservice:listManagedClusterUserCredentials": user_credentials,
    "azure-native:containerservice:getManagedCluster": get_function(
        "azure-native:containerservice:ManagedCluster"
    ),
    "azure-native:managedidentity:getUserAssignedIdentity": get_function(
        "azure-native:managedidentity:UserAssignedIdentity"
    ),
    "azure-native:storage:listStorageAccountKeys": account_keys,
}
