"""Ids of Azure resources, derived from their inputs, for resources that a killed run did not record.

Formats: learn.microsoft.com/azure/templates (the type's path) and, for each type, "Import" in
pulumi.com/registry/packages/azure-native/api-docs. Placeholders are the names of inputs.
"""

from collections.abc import Mapping
from typing import Any

_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
_AKS = "Microsoft.ContainerService/managedClusters/{resourceName}"
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
_POSTGRES = "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}"
_PRIVATE_DNS = "Microsoft.Network/privateDnsZones/{privateZoneName}"
_STORAGE = "Microsoft.Storage/storageAccounts/{accountName}"
_VAULT = "Microsoft.KeyVault/vaults/{vaultName}"
_VNET = "Microsoft.Network/virtualNetworks/{virtualNetworkName}"
IN_GROUP: Mapping[str, str] = {
    "containerservice:AgentPool": _AKS + "/agentPools/{agentPoolName}",
    "containerservice:MaintenanceConfiguration": _AKS + "/maintenanceConfigurations/{configName}",
    "containerservice:ManagedCluster": _AKS,
    "dbforpostgresql:Configuration": _POSTGRES + "/configurations/{configurationName}",
    "dbforpostgresql:Database": _POSTGRES + "/databases/{databaseName}",
    "dbforpostgresql:FirewallRule": _POSTGRES + "/firewallRules/{firewallRuleName}",
    "dbforpostgresql:Server": _POSTGRES,
    "dns:RecordSet": "Microsoft.Network/dnsZones/{zoneName}/{recordType}/{relativeRecordSetName}",
    "dns:Zone": "Microsoft.Network/dnsZones/{zoneName}",
    "keyvault:Key": _VAULT + "/keys/{keyName}",
    "keyvault:Secret": _VAULT + "/secrets/{secretName}",
    "keyvault:Vault": _VAULT,
    "managedidentity:FederatedIdentityCredential": _IDENTITY
    + "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}",
    "managedidentity:UserAssignedIdentity": _IDENTITY,
    "monitor:ActionGroup": "Microsoft.Insights/actionGroups/{actionGroupName}",
    "monitor:MetricAlert": "Microsoft.Insights/metricAlerts/{ruleName}",
    "network:NatGateway": "Microsoft.Network/natGateways/{natGatewayName}",
    "network:NetworkSecurityGroup": "Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}",
    "network:PublicIPAddress": "Microsoft.Network/publicIPAddresses/{publicIpAddressName}",
    "network:Subnet": _VNET + "/subnets/{subnetName}",
    "network:VirtualNetwork": _VNET,
    "operationalinsights:Workspace": "Microsoft.OperationalInsights/workspaces/{workspaceName}",
    "privatedns:PrivateZone": _PRIVATE_DNS,
    "privatedns:VirtualNetworkLink": _PRIVATE_DNS + "/virtualNetworkLinks/{virtualNetworkLinkName}",
    "storage:BlobContainer": _STORAGE + "/blobServices/default/containers/{containerName}",
    "storage:BlobServiceProperties": _STORAGE + "/blobServices/{blobServicesName}",
    "storage:ManagementPolicy": _STORAGE + "/managementPolicies/{managementPolicyName}",
    "storage:StorageAccount": _STORAGE,
}
TEMPLATES = {f"azure-native:{type_}": f"{_GROUP}/providers/{path}" for type_, path in IN_GROUP.items()} | {
    "azure-native:resources:ResourceGroup": _GROUP,
    "azure-native:monitor:DiagnosticSetting": "/{resourceUri}/providers/Microsoft.Insights/"
    "diagnosticSettings/{name}",
    "azure-native:authorization:RoleAssignment": "{scope}/providers/Microsoft.Authorization/roleAssignments/"
    "{roleAssignmentName}",
}


def arm_id(type_: str, inputs: Mapping[str, Any], subscription: str) -> str | None:
    """The id of an Azure resource; None if the type is not in the table or an input is missing."""
    try:
        return TEMPLATES[type_].format_map({"subscriptionId": subscription, **inputs})
    except KeyError:
        return None
