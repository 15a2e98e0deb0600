"""Faults of real clouds, injected by a seed: the same seed, the same faults.

A fault that the real provider retries is a delay here, any other is an error. (azure-native retries 408, 429,
5xx, and of the 409s only AnotherOperationInProgress: its azure/client_azcore.go.)
"""

import asyncio
import os
import random
import re
import signal
from dataclasses import dataclass
from fnmatch import fnmatch

from rehearsal.store import RefusedError


@dataclass(frozen=True)
class Fault:
    """A fault of one operation."""

    types: str
    """The resource types, as a file name pattern."""
    code: str
    text: str
    methods: tuple[str, ...] = ("create", "update", "delete")
    delay: float = 0
    """Seconds until a retry of the real provider succeeds; 0 if the provider gives up."""
    percent: int = 4
    """The probability of the fault."""


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
"""These occur before the operation, and leave the object unchanged."""
AFTERWARDS = (
    Fault("kubernetes:helm.sh/v3:Release", "pending", "pending-install", ("create",), percent=8),
    Fault("kubernetes:helm.sh/v3:Release", "pending", "pending-upgrade", ("update",), percent=8),
    Fault("kubernetes:batch/v1:Job", "failed", "exit 1: the script failed", ("create",), percent=10),
)  # fmt: skip
"""These leave an object that exists and is not ready."""


class Faults:
    """The faults of one run, from a seed. `kill:12` and `term:12` instead end the run at its 12th change."""

    def __init__(self, spec: str, scale: float) -> None:
        self.scale = scale
        ending, _, number = spec.rpartition(":")
        self.seed = spec
        self.signal = {"kill": signal.SIGKILL, "term": signal.SIGTERM}.get(ending)
        self.left = int(number) if self.signal else 0

    async def before(self, type_: str, id_: str, method: str) -> None:
        """Delay an operation, or refuse it."""
        for fault in FAULTS if not self.signal else ():
            if self._applies(fault, type_, id_, method):
                if not fault.delay:
                    raise RefusedError(fault.code, fault.text)
                await asyncio.sleep(fault.delay * self.scale)

    def after(self) -> None:
        """Count a change. After the last one the run ends: the state does not have the change."""
        if self.signal:
            self.left -= 1
            if self.left == 0:
                end(self.signal)

    def unready(self, type_: str, id_: str, method: str) -> str:
        """The reason why an object is not ready after the operation, "" if it is."""
        injected = (f.text for f in AFTERWARDS if not self.signal and self._applies(f, type_, id_, method))
        return next(injected, "")

    def _applies(self, fault: Fault, type_: str, id_: str, method: str) -> bool:
        if method not in fault.methods or not fnmatch(type_, fault.types):
            return False
        # Without the random part of a name, so that the same seed selects the same objects.
        plain = re.sub(r"[0-9a-f]{5,}", "", id_)
        return random.Random(f"{self.seed} {fault.code} {method} {plain}").randrange(100) < fault.percent  # noqa: S311


def end(how: signal.Signals) -> None:
    """End the driver. SIGKILL also ends its engine, like the loss of the machine."""
    driver = os.getppid()
    if how is signal.SIGTERM:
        os.kill(driver, how)
    elif os.getpgid(driver) == driver:
        os.killpg(driver, how)
