"""Azure Resource Manager: one `ResourceType` for each type that the platform uses.

Azure's own types say which properties there are and what they may be (azure_types.py). What those do not say
is in `azure_mutability.yaml` with its sources. Refusals are from the services' documentation and issues.
"""

import base64
import dataclasses
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from rehearsal import azure_types, brought
from rehearsal.properties import Props, find, unknown
from rehearsal.provider import Provider
from rehearsal.resource_types import Check, Request, ResourceType, dependants, rule
from rehearsal.store import RefusedError, Store

SUBSCRIPTION = "/subscriptions/{subscriptionId}"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
DEFAULTS = {"podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10"}
"""AKS' defaults for `networkProfile`."""
DELEGATED = "network.delegatedSubnetResourceId"
PRIVATE_ZONE = "network.privateDnsZoneArmResourceId"
POSTGRESQL = "Microsoft.DBforPostgreSQL/flexibleServers"
SIZE = "storage.storageSizeGB"
RESTORE, DATABASE = "PointInTimeRestore", "azure-native:dbforpostgresql:Database"
SOFT_DELETED = "soft-deleted"
CLUSTER = "azure-native:containerservice:ManagedCluster"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
ONE_CORE = r"Standard_(DS?1|A1|F1s?)(_v2)?"
"""VM sizes with one core (learn.microsoft.com/azure/aks/quotas-skus-regions)."""


# What the rules compare


def net(range_: str) -> Any:
    """An address range from its CIDR notation."""
    try:
        return ipaddress.ip_network(range_)
    except ValueError as problem:
        raise RefusedError("InvalidCIDRNotation", str(problem)) from None


def named_by(store: Store, ids: Iterable[str], path: str) -> list[Any]:
    """The values at a path in the inputs of some objects."""
    found = [store.get(id_) for id_ in ids]
    return [value for each in found if each for value in find(each["inputs"], path)]


def vnet_of(subnet: str) -> str:
    return subnet.rpartition("/subnets/")[0]


def spaces(store: Store, subnet: str) -> list[Any]:
    """The address space of a subnet's network."""
    return [net(range_) for range_ in named_by(store, [vnet_of(subnet)], "addressSpace.addressPrefixes.*")]


def subnets(request: Request) -> list[str]:
    """The subnets of a cluster's nodes."""
    return list(find(request.inputs, "agentPoolProfiles.*.vnetSubnetID"))


def nat_subnets(request: Request) -> list[str]:
    """The same if the nodes reach the internet through a NAT gateway."""
    return subnets(request) if request.get("networkProfile.outboundType") == "userAssignedNATGateway" else []


def egress_addresses(store: Store, subnet: str) -> list[str]:
    return named_by(store, named_by(store, [subnet], "natGateway.id"), "publicIpAddresses.*.id")


def blocked_addresses(request: Request) -> Iterator[Any]:
    """Egress addresses of nodes that the API server's authorised ranges leave out."""
    allowed = [net(range_) for range_ in find(request.inputs, "apiServerAccessProfile.authorizedIPRanges.*")]
    for subnet in nat_subnets(request) if allowed else ():
        for found in map(request.store.get, egress_addresses(request.store, subnet)):
            given = ipaddress.ip_address(found["outputs"]["ipAddress"]) if found else None
            if not any(given in range_ for range_ in allowed):
                yield given


def assignments(store: Store, principal: str, role: str, scope: str) -> Iterator[str]:
    """IDs of the assignments that give a principal a role (its GUID) at a scope or above."""
    for o in store.all("azure-native:authorization:RoleAssignment"):
        above = scope == o["inputs"]["scope"] or scope.startswith(o["inputs"]["scope"] + "/")
        same = o["inputs"]["principalId"] == principal and o["inputs"]["roleDefinitionId"].endswith(role)
        if above and same:
            yield o["id"]


def holds(store: Store, principal: str, role: str, scope: str) -> bool:
    """Whether a principal has a role at a scope or above."""
    return any(assignments(store, principal, role, scope))


def cannot_join(request: Request) -> Iterator[str]:
    """Subnets of nodes on which the cluster's identity does not yet have the role Network Contributor."""
    for identity in map(request.store.get, find(request.inputs, "identity.userAssignedIdentities.*")):
        principal = identity["outputs"]["principalId"] if identity else ""
        for subnet in subnets(request):
            found = assignments(request.store, principal, NETWORK_CONTRIBUTOR, subnet)
            if all(request.store.unsettled(id_) for id_ in found):
                yield subnet


def network(request: Request, name: str) -> Any:
    return net(request.get(f"networkProfile.{name}") or DEFAULTS[name])


def dns(request: Request) -> Any:
    return ipaddress.ip_address(request.get("networkProfile.dnsServiceIP") or DEFAULTS["dnsServiceIP"])


def ranges_over_services(request: Request) -> Iterator[str]:
    """Subnets of the network that overlap the cluster's service CIDR."""
    services = network(request, "serviceCidr")
    for subnet in subnets(request):
        for other in request.store.below(vnet_of(subnet)):
            if (taken := other["inputs"].get("addressPrefix")) and services.overlaps(net(taken)):
                yield other["id"]


def pools(request: Request) -> list[Props]:
    """The pools of a cluster, or the pool itself."""
    return list(find(request.inputs, "agentPoolProfiles.*")) or [request.inputs]


def counts_out_of_bounds(request: Request) -> Iterator[str]:
    """The count of a new pool. Later the autoscaler adapts it (Azure/AKS#1758)."""
    for pool in pools(request) if request.before is None else ():
        low = max(pool.get("minCount", 0), 1 if pool.get("mode") == "System" else 0)
        high = pool.get("maxCount", 1000)
        if pool.get("enableAutoScaling") and not low <= pool.get("minCount", low) <= pool["count"] <= high:
            yield f"{pool['count']}. It must be from minCount:{low} to maxCount:{high}"


def untrusted_issuer(request: Request) -> str:
    """The issuer, unless it signs tokens: a cluster's OIDC issuer, or Concourse, which uses its own URL."""
    issuer: str = request.inputs["issuer"]
    known = [o["outputs"]["oidcIssuerProfile"]["issuerURL"] for o in request.store.all(CLUSTER)]
    zones = [*request.store.all("given"), *request.store.all("azure-native:dns:Zone")]
    own = [o["id"].rpartition("/dnsZones/")[2] for o in zones if "/dnsZones/" in o["id"]]
    host = issuer.removeprefix("https://")
    return "" if issuer in known or any(f".{host}".endswith(f".{zone}") for zone in own) else issuer


def endpoint_exists(service: str, path: str) -> Check:
    """A network rule for a subnet needs the service endpoint in that subnet."""
    return rule(
        "SubnetsHaveNoServiceEndpointsConfigured", f"{{}} does not have ServiceEndpoints for {service} resources",
        lambda r: (s for s in find(r.inputs, path)
                   if service not in named_by(r.store, [s], "serviceEndpoints.*.service")))  # fmt: skip


def ranges_are_valid(request: Request) -> None:
    for range_ in find(request.inputs, "addressSpace.addressPrefixes.*"):
        net(range_)


def links_of_the_same_name(request: Request) -> Iterator[str]:
    """Links of the same network to another zone that has the same name."""

    def zone(id_: str) -> str:
        return id_.partition("/virtualNetworkLinks/")[0]

    for other in (*request.others(), *request.store.all("given")):
        link, mine = zone(other["id"]), zone(request.id)
        named = link != other["id"] and link != mine and link.rpartition("/")[2] == mine.rpartition("/")[2]
        if named and request.get("virtualNetwork.id") in find(other["inputs"], "virtualNetwork.id"):
            yield link


def restores(request: Request) -> bool:
    return request.before is None and request.get("createMode") == RESTORE


def server_of(request: Request) -> str:
    return "/".join(request.id.split("/")[:9])


def server(request: Request) -> Props:
    """A server's outputs. Its creation adds Microsoft.Storage to its subnet."""
    for id_ in find(request.inputs, DELEGATED) if request.before is None else ():
        subnet = request.store.get(id_)
        if subnet and "Microsoft.Storage" not in find(subnet["inputs"], "serviceEndpoints.*.service"):
            endpoints = [*(subnet["inputs"].get("serviceEndpoints") or []), {"service": "Microsoft.Storage"}]
            inputs = subnet["inputs"] | {"serviceEndpoints": endpoints}
            request.store.put(id_, subnet["type"], inputs, subnet["outputs"])
    if restores(request):
        # It has the source's databases, and no standby (hashicorp/terraform-provider-azurerm#18253).
        request.inputs |= {"highAvailability": {"mode": "Disabled"}}
        for child in list(request.store.below(request.inputs["sourceServerResourceId"])):
            if child["type"] == DATABASE:
                id_ = request.id + child["id"].removeprefix(request.inputs["sourceServerResourceId"])
                inputs = child["inputs"] | {"serverName": request.name}
                request.store.put(id_, DATABASE, inputs, child["outputs"])
    return {"fullyQualifiedDomainName": f"{request.name}.postgres.database.azure.com", "state": "Ready"}


# Refusals of each service, with the error codes of failures.yaml

SUBNET_RULES = (
    rule("NetcfgSubnetRangeOutsideVnet", "the range is outside of the network's address space",
         lambda r: not any(net(r.inputs["addressPrefix"]).subnet_of(space) for space in spaces(r.store, r.id))),
    rule("NetcfgSubnetRangesOverlap", "the range overlaps {}",
         lambda r: (o["id"] for o in r.siblings()
                    if net(r.inputs["addressPrefix"]).overlaps(net(o["inputs"]["addressPrefix"])))),
    rule("InUsePrefixCannotBeDeleted", "{} has addresses in the range",
         lambda r: r.old("addressPrefix") not in (None, r.inputs["addressPrefix"])
         and dependants(r.store, r.id, RESOURCE_TYPES)),
)  # fmt: skip
STATIC = rule(
    "StandardSkuPublicIPAddressesMustBeStatic", "AllocationMethod must be set to Static",
    lambda r: r.get("sku.name") == "Standard" and r.get("publicIPAllocationMethod") != "Static")  # fmt: skip
GLOBAL = rule(
    "LocationNotAvailableForResourceType", "DNS is a global service: location Global",
    lambda r: str(r.get("location")).lower() != "global")  # fmt: skip
ONE_ZONE_OF_A_NAME = rule(
    "BadRequest", "A virtual network cannot be linked to multiple zones with overlapping namespaces: {}",
    links_of_the_same_name)  # fmt: skip
ROLE_RULES = (
    rule("RoleAssignmentExists", "the role assignment already exists",
         lambda r: r.taken("principalId", "roleDefinitionId", "scope")),
    rule("PrincipalNotFound", "a new principal is not yet in the whole directory; set principalType",
         lambda r: not r.get("principalType")),
)  # fmt: skip
COUNT_IN_BOUNDS = rule("InvalidParameter", "agentPoolProfile.count was {}", counts_out_of_bounds)
SYSTEM_IS_LINUX = rule(
    "InvalidParameter", "a system pool's osType must be Linux",
    lambda r: any(p.get("mode") == "System" and p.get("osType", "Linux") != "Linux" for p in pools(r)))  # fmt: skip
CLUSTER_RULES = (
    rule("BadRequest", "disableLocalAccounts can only be set on Azure AD integration enabled cluster",
         lambda r: r.get("disableLocalAccounts") and not r.get("aadProfile.managed")),
    rule("AdminGroupNotFound", "there is no Entra group {}",  # AKS accepts it, and nobody can log in
         lambda r: (g for g in find(r.inputs, "aadProfile.adminGroupObjectIDs.*") if not r.store.get(f"/groups/{g}"))),
    rule("BadRequest", "Azure AD Workload Identity requires OIDC issuer",
         lambda r: r.get("securityProfile.workloadIdentity.enabled") and not r.get("oidcIssuerProfile.enabled")),
    rule("SubnetNotAssociatedWithNATGateway", "{} must have a NAT gateway",
         lambda r: (s for s in nat_subnets(r) if not named_by(r.store, [s], "natGateway.id"))),
    rule("NATGatewayNotAssociatedWithPublicIPOrIPPrefix", "the NAT gateway of {} has no public IP address",
         lambda r: (s for s in nat_subnets(r) if not egress_addresses(r.store, s))),
    rule("K8SAPIServerConnFailVMExtensionError", "nodes with the address {} may not use the API server", blocked_addresses),
    rule("LinkedAuthorizationFailed", "the cluster's identity may not join {}", cannot_join),
    rule("BadRequest", "the pod CIDR {} overlaps with the service CIDR",
         lambda r: network(r, "podCidr").overlaps(network(r, "serviceCidr")) and network(r, "podCidr")),
    rule("NetworkProfileCIDROverlapVNET", "the pod CIDR overlaps with VNET CIDR {}",
         lambda r: (v for s in subnets(r) for v in spaces(r.store, s) if network(r, "podCidr").overlaps(v))),
    rule("ServiceCidrOverlapExistingSubnetsCidr", "the service CIDR overlaps {}", ranges_over_services),
    rule("DnsServiceIpOutOfServiceCidr", "{} is not in the service CIDR",
         lambda r: dns(r) not in network(r, "serviceCidr") and dns(r)),
    rule("DnsServiceIpConflicting", "{} is the API server's",
         lambda r: dns(r) == network(r, "serviceCidr")[1] and dns(r)),
    rule("InvalidParameter", "Required parameter agentPoolProfile.count is missing (null)",
         lambda r: any("count" not in p for p in pools(r))),
    rule("SystemPoolSkuTooLow", "System node pool must use VM sku with more than 2 cores and 4GB memory: {}",
         lambda r: (p["vmSize"] for p in pools(r) if re.fullmatch(ONE_CORE, str(p.get("vmSize"))))),
    COUNT_IN_BOUNDS, SYSTEM_IS_LINUX, *brought.cluster_rules(holds),
)  # fmt: skip
SERVER_RULES = (
    rule("BadRequest", "High availability is not supported for Burstable tier",
         lambda r: r.get("sku.tier") == "Burstable" and r.get("highAvailability.mode") not in (None, "Disabled")),
    rule("EmptyPrivateDnsZoneArmResourceId", "a server in a subnet needs its private DNS zone",
         lambda r: r.get(DELEGATED) and not r.get(PRIVATE_ZONE)),
    rule("ConflictingPublicNetworkAccessAndVirtualNetworkConfiguration", "publicNetworkAccess must be Disabled",
         lambda r: r.get(DELEGATED) and r.get("network.publicNetworkAccess") != "Disabled"),
    rule("OperationFailed", f"{{}} is missing required delegations {POSTGRESQL}",
         lambda r: (s for s in find(r.inputs, DELEGATED)
                    if POSTGRESQL not in named_by(r.store, [s], "delegations.*.serviceName"))),
    rule("PrivateDnsZoneNameNotValid", "{} must end with .postgres.database.azure.com",
         lambda r: (z for z in find(r.inputs, PRIVATE_ZONE) if not z.endswith(".postgres.database.azure.com"))),
    rule("BadRequest", "The virtual network is not linked to private DNS zone {}",
         lambda r: (z for z in find(r.inputs, PRIVATE_ZONE) if vnet_of(str(r.get(DELEGATED))) not in
                    named_by(r.store, [o["id"] for o in r.store.below(z)], "virtualNetwork.id"))),
    rule("BadRequest", "storage cannot be scaled down from {} GiB",
         lambda r: 0 < (r.get(SIZE) or 0) < (r.old(SIZE) or 0) and r.old(SIZE)),
    rule("ResourceNotFound", "there is no server {} to restore from",
         lambda r: restores(r) and not r.store.get(r.get("sourceServerResourceId"))
         and r.get("sourceServerResourceId")),
    rule("BadRequest", "a server with public access can only be restored to public access",
         lambda r: restores(r) and r.get(DELEGATED)
         and not named_by(r.store, [r.get("sourceServerResourceId")], DELEGATED)),
)  # fmt: skip
BUSY = rule(
    "ServerIsBusy", "Cannot complete operation while server {} is busy processing another operation",
    lambda r: r.store.unsettled(server_of(r)) and server_of(r))  # fmt: skip
FIREWALL = rule(
    "BadRequest", "firewall rules need a server with public access",
    lambda r: named_by(r.store, [r.id.rpartition("/firewallRules/")[0]], DELEGATED))  # fmt: skip
ALLOWED_BY_ACCOUNT = "networkRuleSet.virtualNetworkRules.*.virtualNetworkResourceId"
ALLOWED_BY_VAULT = "properties.networkAcls.virtualNetworkRules.*.id"
ACCOUNT_RULES = (
    rule("StorageAccountAlreadyTaken", "The storage account name is already taken", lambda r: r.taken("accountName")),
    endpoint_exists("Microsoft.Storage", ALLOWED_BY_ACCOUNT),
    # Zone redundancy changes only by an account migration (az storage account migration).
    rule("StorageAccountTypeConversionNotAllowed", "conversion from {} changes the zone redundancy",
         lambda r: r.old("sku.name") and ("Z" in r.old("sku.name")) != ("Z" in r.get("sku.name")) and r.old("sku.name")),
)  # fmt: skip
CONTAINER = rule(
    "PublicAccessNotPermitted", "Public access is not permitted on this storage account",
    lambda r: r.get("publicAccess") not in (None, "None")
    and named_by(r.store, [r.id.partition("/blobServices/")[0]], "allowBlobPublicAccess") != [True])  # fmt: skip
VAULT_RULES = (
    rule("VaultAlreadyExists", "The vault name is already in use", lambda r: r.taken("vaultName")),
    rule("ConflictError", "A vault with the same name already exists in deleted state",
         lambda r: any(o["id"].endswith(f"/{r.name}") for o in r.store.all(SOFT_DELETED))),
    rule("BadRequest", 'The property "enablePurgeProtection" cannot be set to false',
         lambda r: r.get("properties.enablePurgeProtection") is False),
    endpoint_exists("Microsoft.KeyVault", ALLOWED_BY_VAULT),
)  # fmt: skip
CREDENTIAL_RULES = (
    rule("BadRequest", "Too many Federated Identity Credentials, at most 20", lambda r: len(r.siblings()) >= 20),  # noqa: PLR2004
    rule("BadRequest", "Issuer and subject combination already exists for this Managed Identity",
         lambda r: any(all(o["inputs"][k] == r.inputs[k] for k in ("issuer", "subject")) for o in r.siblings())),
    # Azure accepts any issuer. Logins fail unless it equals the token's issuer in every character.
    rule("AADSTS70021", "No matching federated identity record for {}", untrusted_issuer),
)  # fmt: skip


# Outputs


def arm_outputs(request: Request) -> Props:
    """The outputs of every ARM object. Its location is by default the resource group's."""
    group = request.store.get("/".join(request.id.split("/")[:5]))
    location = request.inputs.get("location") or (group or {}).get("inputs", {}).get("location")
    answer = {"name": request.name, "azureApiVersion": "", "provisioningState": "Succeeded"}
    return answer | ({"location": location} if location else {})


def address(request: Request) -> Props:
    digits = int(request.store.guid(request.id)[:4], 16)
    return {"ipAddress": f"20.{50 + digits % 100}.{digits // 256}.{digits % 256}"}


def principal(store: Store, id_: str) -> Props:
    """The service principal of a managed identity."""
    return {"principalId": store.guid(id_, "principal"), "clientId": store.guid(id_, "client")}


def tenant(store: Store) -> str:
    caller = store.get("/caller")
    return caller["inputs"]["tenantId"] if caller else store.guid("tenant")


def cluster(request: Request) -> Props:
    guid, place = request.store.guid(request.id), str(arm_outputs(request).get("location"))
    ids = find(request.inputs, "identity.userAssignedIdentities.*")
    return {
        "fqdn": f"{request.inputs['dnsPrefix']}-{guid[:8]}.hcp.{place}.azmk8s.io",
        "identity": {
            **request.inputs["identity"],
            "userAssignedIdentities": {i: principal(request.store, i) for i in ids},
        },
        "nodeResourceGroup": request.get("nodeResourceGroup") or f"MC_{guid[:8]}",
        "oidcIssuerProfile": {
            "enabled": bool(request.get("oidcIssuerProfile.enabled")),
            "issuerURL": f"https://{place}.oic.prod-aks.azure.com/{tenant(request.store)}/{guid}/",
        },
    }


def soft_deleted(request: Request) -> None:
    """A deleted vault can be recovered, and keeps its name reserved."""
    above, location = "/".join(request.id.split("/")[:3]), request.get("location")
    id_ = f"{above}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{request.name}"
    request.store.put(id_, SOFT_DELETED, request.inputs, {})


def zone(request: Request) -> Props:
    """A recreated zone gets other name servers."""
    if found := request.store.get(request.id):
        return {"nameServers": found["outputs"]["nameServers"]}
    number = 1 + request.store.writes % 9
    servers = enumerate(("com", "net", "org", "info"), start=1)
    return {"nameServers": [f"ns{n}-0{number}.azure-dns.{top}." for n, top in servers]}


MOVED = rule(  # azure-native replaces only what the specifications mark as create-only
    "InvalidResourceLocation", "the resource already exists in location {}",
    lambda r: r.get("location") not in (None, r.old("location")) and r.old("location"))  # fmt: skip


class ResourceManager(Provider):
    """Azure Resource Manager, which knows Azure's own types."""

    checks = (MOVED,)

    def problems(self, type_: str, new: Props) -> Iterator[tuple[str, str]]:
        return azure_types.problems(type_, new)


# Functions


def by_name(store: Store, type_: str, args: Props) -> dict[str, Any]:
    """The object that a function's arguments name."""
    if unknown(args):
        raise RefusedError("UnknownValue", "called with a value that is not known yet")
    group, name = args["resourceGroupName"], args.get("resourceName") or args.get("accountName")
    for found in store.all(type_):
        if f"/resourceGroups/{group}/" in found["id"] and found["id"].endswith(f"/{name}"):
            return found
    raise RefusedError("ResourceNotFound", f"no {type_} named {name} in {group}")


def account_keys(store: Store, args: Props) -> Props:
    id_ = by_name(store, "azure-native:storage:StorageAccount", args)["id"]
    keys = ("key1", "key2")
    return {"keys": [{"keyName": k, "value": store.guid(id_, k), "permissions": "FULL"} for k in keys]}


def user_credentials(store: Store, args: Props) -> Props:
    """A cluster's kubeconfig as Azure returns it: with an exec plugin and without a secret."""
    found, name = by_name(store, CLUSTER, args), args["resourceName"]
    certificate = base64.b64encode(f"rehearsed CA of {found['id']}".encode()).decode()
    host = f"https://{found['outputs']['fqdn']}:443"
    kubeconfig = {
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": host, "certificate-authority-data": certificate}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "deployer"}}],
        "users": [{"name": "deployer", "user": {"exec": {"command": "kubelogin", "args": ["get-token"]}}}],
    }  # fmt: skip
    value = base64.b64encode(json.dumps(kubeconfig).encode()).decode()
    return {"kubeconfigs": [{"name": "clusterUser", "value": value}]}


def get_function(type_: str) -> Callable[[Store, Props], Props]:
    """The `get…` function of a type: the current object."""

    def get(store: Store, args: Props) -> Props:
        found = by_name(store, type_, args)
        return {"id": found["id"], **found["inputs"], **found["outputs"]}

    return get


def subscribed(store: Store, config: Props) -> None:
    """The provider's subscription exists."""
    id_ = config.get("subscriptionId", "")
    if store.get(f"/subscriptions/{id_}") is None:
        raise RefusedError("SubscriptionNotFound", f"there is no subscription {id_!r}")


# The table

ZONES_STAY: Any = {"immutable_error": "ResourceAvailabilityZonesCannotBeModified"}
VNET = "Microsoft.Network/virtualNetworks/{virtualNetworkName}"
VNET_BUSY = "{resourceGroupName}/{virtualNetworkName}"
MANAGED = "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
STORAGE = "Microsoft.Storage/storageAccounts/{accountName}"
KEY_VAULT = "Microsoft.KeyVault/vaults/{vaultName}"
DNS = "Microsoft.Network/dnsZones/{zoneName}"
PRIVATE_DNS = "Microsoft.Network/privateDnsZones/{privateZoneName}"
PG = POSTGRESQL + "/{serverName}"
AKS = "Microsoft.ContainerService/managedClusters/{resourceName}"
SERVER_BUSY: Any = {"lock_key": PG, "conflict_code": "ServerIsBusy"}


def arm_type(path: str, outputs: Callable[[Request], Props] = lambda _: {}, **rules: Any) -> ResourceType:
    """A type in a resource group, named by the last placeholder of its path.

    A change of any placeholder forces a replacement.
    """
    absolute = path.startswith(("/", "{"))
    id_ = path if absolute else f"{SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}/providers/{path}"
    row = ResourceType(id=id_, outputs=lambda request: arm_outputs(request) | outputs(request), **rules)
    return dataclasses.replace(row, name=row.placeholders[-1])


RESOURCE_TYPES: dict[str, ResourceType] = {
    "azure-native:resources:ResourceGroup": arm_type(
        SUBSCRIPTION + "/resourceGroups/{resourceGroupName}", seconds=3),
    "azure-native:network:VirtualNetwork": arm_type(
        VNET, seconds=5, checks=(ranges_are_valid,), lock_key=VNET_BUSY),
    "azure-native:network:Subnet": arm_type(
        VNET + "/subnets/{subnetName}", seconds=5,
        references=("natGateway.id", "networkSecurityGroup.id", "routeTable.id"), checks=SUBNET_RULES,
        lock_key=VNET_BUSY, in_use="InUseSubnetCannotBeDeleted"),
    "azure-native:network:NetworkSecurityGroup": arm_type(
        "Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}", seconds=4,
        in_use="InUseNetworkSecurityGroupCannotBeDeleted"),
    "azure-native:network:PublicIPAddress": arm_type(
        "Microsoft.Network/publicIPAddresses/{publicIpAddressName}", outputs=address, checks=(STATIC,),
        seconds=4, in_use="PublicIPAddressCannotBeDeleted", **ZONES_STAY),
    "azure-native:network:NatGateway": arm_type(
        "Microsoft.Network/natGateways/{natGatewayName}", references=("publicIpAddresses.*.id",), seconds=10,
        in_use="InUseNatGatewayCannotBeDeleted", **ZONES_STAY),
    "azure-native:privatedns:PrivateZone": arm_type(PRIVATE_DNS, checks=(GLOBAL,), seconds=30),
    "azure-native:privatedns:VirtualNetworkLink": arm_type(
        PRIVATE_DNS + "/virtualNetworkLinks/{virtualNetworkLinkName}", references=("virtualNetwork.id",),
        checks=(GLOBAL, ONE_ZONE_OF_A_NAME), seconds=30),
    IDENTITY: arm_type(
        MANAGED, outputs=lambda r: principal(r.store, r.id) | {"tenantId": tenant(r.store)}, seconds=3),
    "azure-native:authorization:RoleAssignment": arm_type(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        references=("scope",), immutable_error="RoleAssignmentUpdateNotPermitted", checks=ROLE_RULES,
        role="Role Based Access Control Administrator", seconds=3, settles=True),
    CLUSTER: arm_type(
        AKS, references=("agentPoolProfiles.*.vnetSubnetID", "identity.userAssignedIdentities.*"),
        checks=CLUSTER_RULES, unknown_in_preview=("identity",), outputs=cluster, seconds=300,
        binds=("agentPoolProfiles.*.vnetSubnetID",), updating_code="SetVNetOwnershipFailed",
        on_delete=lambda r: r.store.drop("/kubernetes" + r.id), lock_key="{resourceName}",
        conflict_code="OperationNotAllowed"),
    "azure-native:containerservice:AgentPool": arm_type(
        AKS + "/agentPools/{agentPoolName}", references=("vnetSubnetID",),
        checks=(COUNT_IN_BOUNDS, SYSTEM_IS_LINUX, *brought.POOL_RULES), seconds=120, binds=("vnetSubnetID",),
        updating_code="SetVNetOwnershipFailed", lock_key="{resourceName}",
        conflict_code="OperationNotAllowed"),
    "azure-native:monitor:DiagnosticSetting": arm_type(
        "/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}", references=("workspaceId",)),
    "azure-native:operationalinsights:Workspace": arm_type(
        "Microsoft.OperationalInsights/workspaces/{workspaceName}", seconds=20),
    "azure-native:monitor:ActionGroup": arm_type(
        "Microsoft.Insights/actionGroups/{actionGroupName}", write_only=("webhookReceivers",), seconds=3),
    "azure-native:monitor:MetricAlert": arm_type(
        "Microsoft.Insights/metricAlerts/{ruleName}", references=("scopes.*", "actions.*.actionGroupId"), seconds=3),
    "azure-native:containerservice:MaintenanceConfiguration": arm_type(
        AKS + "/maintenanceConfigurations/{configName}", seconds=3),
    "azure-native:dbforpostgresql:Server": arm_type(
        PG, write_only=("administratorLoginPassword",), references=(DELEGATED, PRIVATE_ZONE),
        checks=SERVER_RULES, outputs=server, seconds=600, settles=True, **SERVER_BUSY),
    DATABASE: arm_type(
        PG + "/databases/{databaseName}", seconds=10, checks=(BUSY,), **SERVER_BUSY),
    "azure-native:dbforpostgresql:Configuration": arm_type(
        PG + "/configurations/{configurationName}", seconds=15, singleton=True, checks=(BUSY,),
        **SERVER_BUSY),
    "azure-native:dbforpostgresql:FirewallRule": arm_type(
        PG + "/firewallRules/{firewallRuleName}", seconds=15, checks=(BUSY, FIREWALL), **SERVER_BUSY),
    "azure-native:managedidentity:FederatedIdentityCredential": arm_type(
        MANAGED + "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}", seconds=3,
        checks=CREDENTIAL_RULES, lock_key="{resourceGroupName}/" + MANAGED,
        conflict_code="ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"),
    "azure-native:storage:StorageAccount": arm_type(
        STORAGE, seconds=25, references=(ALLOWED_BY_ACCOUNT,), binds=(ALLOWED_BY_ACCOUNT,),
        updating_code="SubnetsNotProvisioned", changes_network=True, checks=ACCOUNT_RULES),
    "azure-native:storage:BlobServiceProperties": arm_type(
        STORAGE + "/blobServices/{blobServicesName}", singleton=True),
    "azure-native:storage:BlobContainer": arm_type(
        STORAGE + "/blobServices/default/containers/{containerName}", checks=(CONTAINER,)),
    "azure-native:storage:ManagementPolicy": arm_type(STORAGE + "/managementPolicies/{managementPolicyName}"),
    "azure-native:keyvault:Secret": arm_type(KEY_VAULT + "/secrets/{secretName}", write_only=("properties",)),
    "azure-native:keyvault:Vault": arm_type(
        KEY_VAULT, references=(ALLOWED_BY_VAULT,), unknown_in_preview=("properties",),
        outputs=lambda r: {"properties": r.inputs["properties"] | {"vaultUri": f"https://{r.name}.vault.azure.net/"}},
        on_delete=soft_deleted, checks=VAULT_RULES, seconds=30, binds=(ALLOWED_BY_VAULT,),
        updating_code="SubnetsNotProvisioned", changes_network=True, immutable_error="BadRequest"),
    # Azure answers a second PUT of a key with 200 and does not change the key.
    "azure-native:keyvault:Key": arm_type(KEY_VAULT + "/keys/{keyName}", immutable_error="KeyIsNotChanged"),
    "azure-native:dns:Zone": arm_type(DNS, checks=(GLOBAL,), outputs=zone, seconds=5),
    "azure-native:dns:RecordSet": arm_type(DNS + "/{recordType}/{relativeRecordSetName}"),
}  # fmt: skip

BEYOND_TYPES = yaml.safe_load((Path(__file__).parent / "azure_mutability.yaml").read_text())
for _token, _row in RESOURCE_TYPES.items():
    _said: Any = {rule: tuple(of) for rule, of in BEYOND_TYPES.get(_token.partition(":")[2], {}).items()}
    [_said["pattern"]] = _said.get("pattern", [ResourceType.pattern])
    _said["replaces"] = (*_said.get("replaces", ()), *_row.placeholders)
    RESOURCE_TYPES[_token] = dataclasses.replace(_row, **_said)

INVOKES = {
    "azure-native:containerservice:listManagedClusterUserCredentials": user_credentials,
    "azure-native:containerservice:getManagedCluster": get_function(CLUSTER),
    "azure-native:managedidentity:getUserAssignedIdentity": get_function(IDENTITY),
    "azure-native:storage:listStorageAccountKeys": account_keys,
    "azure-native:authorization:getClientToken": lambda store, _: {"token": store.guid("token")},
}
