"""Sets what Azure takes only from an update of a new server: its maintenance window.

After a point-in-time restore also its standby (hashicorp/terraform-provider-azurerm#18253) and the
administrator's password, which is the backup's.

In the specification the property can be read and updated (azure-rest-api-specs, PostgreSQL models.tsp), and
hashicorp/terraform-provider-azurerm also makes a second request. Pulumi would never send one: its state has
the window, so that no later preview shows a difference.
"""

import asyncio
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pulumi import InvokeOptions, Output, Resource, ResourceHook, ResourceHookArgs
from pulumi_azure_native import authorization

RESOURCE_MANAGER = "https://management.azure.com"
"""Another address is in the environment variable AZURE_RESOURCE_MANAGER: that of a rehearsal."""
AFTER_RESTORE = "Then set its standby and password as docs/runbooks/restore-database.md says."
API_VERSION = "2025-08-01"
"""The version that the provider uses for servers."""
RESTORED = ("administratorLoginPassword", "highAvailability")
"""What a restore does not take from its request."""
BY_HAND = "Set it by hand: az postgres flexible-server update --ids {} --maintenance-window DAY:HOUR:MINUTE"
WAITS = (5, 10, 20, 40, 60)
"""Seconds between attempts while the new server is busy (HTTP 409)."""
POLL = 15
"""Seconds between questions whether the update is done. A standby takes some minutes."""
LONGEST = 60 * 60
"""Seconds after which an update is given up."""


def set_after_creation(parent: Resource) -> ResourceHook:
    """A hook for after the server's creation. A failure ends the update, and the next does not repeat it."""

    async def write(args: ResourceHookArgs) -> None:
        properties = await left_out(args.new_inputs or {})
        answer = authorization.get_client_token_output(opts=InvokeOptions(parent=parent))
        token = str(await answer.token.future())
        try:
            operation = await _accepted(args.id, properties, token)
            await _done(operation, token)
        except (OSError, TimeoutError) as error:
            restored = f" {AFTER_RESTORE}" if len(properties) > 1 else ""
            raise RuntimeError(f"{error}. {BY_HAND.format(args.id)}{restored}") from None

    return ResourceHook("postgresql-maintenance-window", write)


async def left_out(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What the creation of a server with these inputs does not set."""
    restored = RESTORED if inputs.get("createMode") == "PointInTimeRestore" else ()
    return {key: await Output.from_input(inputs[key]).future() for key in ("maintenanceWindow", *restored)}


async def _accepted(id_: str, properties: Mapping[str, Any], token: str) -> str:
    """Azure's address for the progress of an update that it has accepted."""
    for seconds in (*WAITS, None):
        try:
            return await asyncio.to_thread(patch, id_, properties, token)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.CONFLICT or seconds is None:
                raise
        await asyncio.sleep(seconds)
    raise AssertionError("unreachable")


async def _done(operation: str, token: str) -> None:
    """Wait for the end of an update. What comes next would find the server busy."""
    for _ in range(int(LONGEST / POLL) if operation else 0):
        status = (await asyncio.to_thread(_ask, operation, token))["status"]
        if status == "Succeeded":
            return
        if status in {"Failed", "Canceled"}:
            raise OSError(f"the update of the new server ended with {status}")
        await asyncio.sleep(POLL)
    if operation:
        raise TimeoutError(f"the update of the new server is not done after {LONGEST // 60} minutes")


def patch(id_: str, properties: Mapping[str, Any], token: str) -> str:
    """Update some properties of a resource. Returns the address of the operation's progress, if any."""
    address = os.environ.get("AZURE_RESOURCE_MANAGER", RESOURCE_MANAGER)
    body = json.dumps({"properties": properties}).encode()
    with _request(f"{address}{id_}?api-version={API_VERSION}", token, method="PATCH", data=body) as answer:
        return str(answer.headers.get("Azure-AsyncOperation", ""))


def _ask(address: str, token: str) -> Any:
    with _request(address, token, method="GET") as answer:
        return json.load(answer)


def _request(address: str, token: str, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(address, headers=headers, **options)  # noqa: S310
    return urllib.request.urlopen(request, timeout=60)  # noqa: S310
