"""What goes wrong in real clouds on a bad day, by seed: the same seed, the same faults.

A fault that the real provider retries by itself is shown as a delay, any other as an error. (azure-native
retries 408, 429, 5xx, and of 409 only AnotherOperationInProgress: its azure/client_azcore.go.)
"""

import asyncio
import os
import random
import re
import signal
from dataclasses import dataclass
from fnmatch import fnmatch

from rehearsal.resource_types import Call, RefusedError


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with one operation."""

    types: str
    """Which resource types, as a file name pattern."""
    code: str
    text: str
    methods: tuple[str, ...] = ("create", "update", "delete")
    delay: float = 0
    """Seconds after which the real provider has retried with success; 0 where it gives up."""
    percent: int = 4
    """How many of a hundred such operations it strikes."""


FAULTS = (
    Fault("azure-native:*", "TooManyRequests", "429, Retry-After: 20", delay=20, percent=10),
    Fault("azure-native:*", "AnotherOperationInProgress", "409, retried", delay=20),
    Fault("azure-native:*", "InternalServerError", "500, retried until it succeeds", delay=60),
    Fault("azure-native:dbforpostgresql:*", "ServerIsBusy",
          "409: Cannot complete operation because server is busy processing another operation"),
    Fault("azure-native:managedidentity:FederatedIdentityCredential",
          "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity", "409", percent=10),
    Fault("azure-native:containerservice:*", "AuthorizationFailed",
          "403: if access was recently granted, please refresh your credentials", ("create",), percent=10),
    Fault("azure-native:keyvault:Key", "ForbiddenByRbac", "403: the role is not effective yet",
          ("create",), percent=20),
    Fault("azure-native:authorization:RoleAssignment", "PrincipalNotFound",
          "400: Principal does not exist in the directory", ("create",)),
    Fault("azuread:*", "Request_ResourceNotFound", "404: it does not exist or one of its queried "
          "reference-property objects are not present", percent=10),
    Fault("kubernetes:*", "Unavailable", "net/http: TLS handshake timeout", percent=2),
    Fault("kubernetes:core/v1:*", "Unavailable",
          "the server is currently unable to handle the request", percent=2),
    Fault("vault:*", "Unavailable", "Code: 503. Errors: Vault is sealed"),
)  # fmt: skip
"""Before anything is done: the object is as it was."""
AFTERWARDS = (
    Fault("kubernetes:helm.sh/v3:Release", "pending", "pending-install", ("create",), percent=8),
    Fault("kubernetes:helm.sh/v3:Release", "pending", "pending-upgrade", ("update",), percent=8),
    Fault("kubernetes:batch/v1:Job", "failed", "BackoffLimitExceeded", ("create",), percent=10),
    Fault("kubernetes:apps/v1:*", "unready", "timed out waiting for its pods",
          ("create", "update"), percent=6),
)  # fmt: skip
"""The object is made, and does not work."""


class Faults:
    """The faults of one run: a seed, or `kill:12` or `term:12`, how the run ends at its 12th change."""

    def __init__(self, spec: str, scale: float) -> None:
        self.scale = scale
        ending, _, number = spec.rpartition(":")
        self.seed = spec
        self.signal = {"kill": signal.SIGKILL, "term": signal.SIGTERM}.get(ending)
        self.left = int(number) if self.signal else 0

    async def before(self, call: Call, method: str) -> None:
        """Hold an operation up, or refuse it."""
        for fault in FAULTS if not self.signal else ():
            if self._strikes(fault, call, method):
                if not fault.delay:
                    raise RefusedError(fault.code, fault.text)
                await asyncio.sleep(fault.delay * self.scale)

    def after(self) -> None:
        """The worst moment to lose the machine: the cloud has done it, and nobody was told."""
        if self.signal:
            self.left -= 1
            if self.left == 0:
                end(self.signal)

    def unready(self, call: Call, method: str) -> str:
        """Why an object that has just been made does not work."""
        struck = (f.text for f in AFTERWARDS if not self.signal and self._strikes(f, call, method))
        return next(struck, "")

    def _strikes(self, fault: Fault, call: Call, method: str) -> bool:
        if method not in fault.methods or not fnmatch(call.type, fault.types):
            return False
        # Without what a name got by chance, so that the same seed meets the same objects.
        plain = re.sub(r"[0-9a-f]{5,}", "", call.id)
        return random.Random(f"{self.seed} {fault.code} {method} {plain}").randrange(100) < fault.percent  # noqa: S311


def end(how: signal.Signals) -> None:
    """End the driver; killed, with the engine that it started, as where the machine is lost."""
    driver = os.getppid()
    if how is signal.SIGTERM:
        os.kill(driver, how)
    elif os.getpgid(driver) == driver:
        os.killpg(driver, how)
