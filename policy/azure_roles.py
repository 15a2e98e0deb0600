"""Who may do what in Azure."""

import re
from collections.abc import Iterator
from functools import partial

from policy.rule import Place, Resource, at, rule

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
"""Role Based Access Control Administrator. Both are the same in every tenant
(learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""
DEPLOYER = "deployer-"
"""Prefix of the names of the deployers' assignments."""
WIDE = re.compile(
    r"/|/?subscriptions/[^/]+/?|/?providers/Microsoft\.Management/managementGroups/[^/]+", re.IGNORECASE
)
"""Scopes of a subscription, of a management group and of the tenant."""


@rule(
    "named-principals",
    at(ASSIGNMENT, "principalType"),
    demands="Role assignments say what kind of principal they are for.",
    why="Without that Azure looks a new identity up where it is not known yet, and the update fails.",
    comply="Pass `principal_type`; components/azure/roles.py does.",
)
def named_principals(place: Place) -> str | None:
    return None if place.value else "principalType is missing"


def _scopes(resource: Resource) -> Iterator[Place]:
    if resource.type == ASSIGNMENT:
        yield Place(resource, "scope", partial(resource.inputs.__getitem__, "scope"))


@rule(
    "subscription-roles",
    _scopes,
    demands="At the level of a subscription only deployers have roles, and only two: Contributor and the one "
    "that assigns roles.",
    why="Whoever has a role there has it on every resource, also on those of other teams.",
    comply="Assign the role on the resource that it is for.",
)
def subscription_roles(place: Place) -> str | None:
    scope = str(place.value)
    if not WIDE.fullmatch(scope):
        return None
    if not place.resource.name.startswith(DEPLOYER) or "subscriptions/" not in scope:
        return f"it is for {scope}"
    role = str(place.resource.inputs["roleDefinitionId"]).rpartition("/")[2]
    return None if role in {CONTRIBUTOR, ACCESS_ADMINISTRATOR} else f"it has the role {role} on {scope}"


RULES = [named_principals, subscription_roles]
