"""Retries of Azure's passing errors, which the provider reports at once.

The provider itself retries HTTP 408, 429, 5xx and the code AnotherOperationInProgress (azure-native,
azure/client_azcore.go). Each of the errors below is reported as one that passes, most of them in seconds.

The engine asks an error hook after a failed request. Two cases remain for the next `up`, or `destroy`:

- A creation that Azure accepted and that failed later, as AKS' SetVNetOwnershipFailed does. The object
  exists, so a second creation would fail, and the engine would forget the object.
- A deletion by `pulumi destroy` without `--run-program`, as there is no program to ask.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fnmatch import fnmatch

import pulumi
from pulumi import (
    ErrorHook,
    ErrorHookArgs,
    ResourceHookBinding,
    ResourceTransformationArgs,
    ResourceTransformationResult,
)
from pulumi.runtime import register_stack_transformation

HALF_MADE = re.compile(r"^\d+ errors? occurred:")
"""How the engine begins the error of an object that was created and is not ready."""


@dataclass(frozen=True)
class PassingError:
    """An error that passes, and how long to wait for that."""

    name: str
    types: tuple[str, ...]
    """Patterns of the types of azure-native."""
    pattern: str
    """What the error contains: a code, if need be with words of the message."""
    waits: tuple[int, ...]
    """Seconds before each further attempt. After the last one the error is final."""

    def matches(self, type_: str) -> bool:
        """Whether a resource type can meet the error."""
        return any(fnmatch(type_, f"azure-native:{pattern}") for pattern in self.types)

    def wait(self, errors: list[str]) -> int | None:
        """Seconds until the next attempt after these errors, newest first. None if there is none."""
        known = bool(errors) and re.search(self.pattern, errors[0], re.DOTALL)
        if not known or HALF_MADE.match(errors[0]) or len(errors) > len(self.waits):
            return None
        return self.waits[len(errors) - 1]


PASSING_ERRORS = (
    # Right after its creation a server is still busy: a second is enough (Azure/azure-postgresql#134), or 40
    # (hashicorp/terraform-provider-azurerm#14530).
    PassingError("server-busy", ("dbforpostgresql:*",), r"\bServer(Is)?Busy\b", (1, 5, 10, 20, 40, 60, 120)),
    # A change of a subnet, or an account that is added to it (Azure/azure-rest-api-specs#11143,
    # hashicorp/terraform-provider-azurerm#3149 and #29351).
    PassingError(
        "network-updating",
        (
            "network:*",
            "storage:StorageAccount",
            "keyvault:Vault",
            "dbforpostgresql:Server",
            "containerservice:*",
        ),
        r"\b(SubnetsNotProvisioned|StorageAccountOperationInProgress|VirtualNetworkNotInSucceededState)\b",
        (2, 5, 10, 20, 40, 60, 120),
    ),
    # AKS' own operations, such as an upgrade of a node image. The same code also means a lack of quota
    # (Azure/terraform-azurerm-avm-ptn-aks-production#25).
    PassingError(
        "cluster-busy",
        ("containerservice:*",),
        r"\bOperationNotAllowed\b.*in progress",
        (10, 20, 40, 60, 120, 240),
    ),
    # A new role takes up to ten minutes (learn.microsoft.com/azure/role-based-access-control/troubleshooting;
    # microsoft/CromwellOnAzure#98).
    PassingError(
        "role-not-effective",
        ("containerservice:ManagedCluster", "containerservice:AgentPool"),
        r"\bLinkedAuthorizationFailed\b",
        (2, 5, 15, 30, 60, 120, 180, 240),
    ),
    # A new identity, in a part of the directory that does not know it yet (the same page).
    PassingError(
        "principal-not-found",
        ("authorization:RoleAssignment",),
        r"\bPrincipalNotFound\b",
        (2, 5, 10, 20, 40, 60),
    ),
    # Another writer; the program itself writes one after another.
    PassingError(
        "credentials-busy",
        ("managedidentity:FederatedIdentityCredential",),
        r"\bConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity\b",
        (5, 10, 20),
    ),
    # A deleted server leaves its subnet some minutes later (hashicorp/terraform-provider-azurerm#23150).
    PassingError(
        "subnet-in-use", ("network:Subnet",), r"\bInUseSubnetCannotBeDeleted\b", (5, 30, 60, 120, 240)
    ),
)


def retry_passing_errors() -> None:
    """Make the engine repeat requests that fail with a passing error, a bounded number of times."""
    hooks = {passing: ErrorHook(f"azure-{passing.name}", _hook(passing)) for passing in PASSING_ERRORS}

    def transform(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        on_error = [hook for passing, hook in hooks.items() if passing.matches(args.type_)]
        if not on_error:
            return None
        args.opts.hooks = ResourceHookBinding.merge(args.opts.hooks, ResourceHookBinding(on_error=on_error))
        return ResourceTransformationResult(args.props, args.opts)

    register_stack_transformation(transform)


def _hook(passing: PassingError) -> Callable[[ErrorHookArgs], Awaitable[bool]]:
    async def retry(args: ErrorHookArgs) -> bool:
        seconds = passing.wait(args.errors)
        if seconds is None:
            return False
        pulumi.log.info(f"{args.name}: {passing.name}, a passing error of Azure; next attempt in {seconds} s")
        await asyncio.sleep(seconds)
        return True

    return retry
