"""Tags of Azure's resources."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from policy.rule import Place, Resource, rule

TAGS = ("environment", "owner", "cost-center", "managed-by")
UNTAGGABLE = frozenset({
    "azure-native:authorization:RoleAssignment",
    "azure-native:containerservice:MaintenanceConfiguration",
    "azure-native:dbforpostgresql:Configuration",
    "azure-native:dbforpostgresql:Database",
    "azure-native:dbforpostgresql:FirewallRule",
    "azure-native:dns:RecordSet",
    "azure-native:managedidentity:FederatedIdentityCredential",
    "azure-native:monitor:DiagnosticSetting",
    "azure-native:network:Subnet",
    "azure-native:storage:BlobContainer",
    "azure-native:storage:BlobServiceProperties",
    "azure-native:storage:ManagementPolicy",
})  # fmt: skip
"""Azure resource types without tags (a test compares this with the SDK)."""


def _tags(resource: Resource) -> Iterator[Place]:
    """Each required tag of a resource."""

    def read(tag: str) -> Any:
        return (resource.inputs.get("tags") or {}).get(tag)

    if resource.type.startswith("azure-native:") and resource.type not in UNTAGGABLE:
        for tag in TAGS:
            yield Place(resource, f"tags.{tag}", partial(read, tag))


@rule(
    "tagged",
    _tags,
    demands="Every taggable Azure resource has the required tags.",
    why="Bills and incidents need an owner.",
    comply="Pass `tags=context.tags`.",
)
def tagged(place: Place) -> str | None:
    return None if place.value else f"the tag {place.path.removeprefix('tags.')} is missing"


RULES = [tagged]
