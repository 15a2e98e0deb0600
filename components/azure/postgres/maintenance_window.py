"""Sets a new server's maintenance window, which Azure takes only from an update.

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

from pulumi import InvokeOptions, Resource, ResourceHook, ResourceHookArgs
from pulumi_azure_native import authorization

RESOURCE_MANAGER = "https://management.azure.com"
"""Another address is in the environment variable AZURE_RESOURCE_MANAGER: that of a rehearsal."""
API_VERSION = "2025-08-01"
"""The version that the provider uses for servers."""
BY_HAND = "Set it by hand: az postgres flexible-server update --ids {} --maintenance-window DAY:HOUR:MINUTE"
WAITS = (5, 10, 20, 40, 60)
"""Seconds between attempts while the new server is busy (HTTP 409)."""


def set_after_creation(parent: Resource) -> ResourceHook:
    """A hook for after the server's creation. A failure ends the update, and the next does not repeat it."""

    async def write(args: ResourceHookArgs) -> None:
        window = (args.new_inputs or {})["maintenanceWindow"]
        answer = authorization.get_client_token_output(opts=InvokeOptions(parent=parent))
        token = await answer.token.future()
        for seconds in (*WAITS, None):
            try:
                await asyncio.to_thread(patch, args.id, {"maintenanceWindow": window}, str(token))
            except urllib.error.URLError as error:
                busy = isinstance(error, urllib.error.HTTPError) and error.code == HTTPStatus.CONFLICT
                if not busy or seconds is None:
                    raise RuntimeError(f"{error}. {BY_HAND.format(args.id)}") from None
                await asyncio.sleep(seconds)
            else:
                return

    return ResourceHook("postgresql-maintenance-window", write)


def patch(id_: str, properties: Mapping[str, Any], token: str) -> None:
    """Update some properties of a resource."""
    address = os.environ.get("AZURE_RESOURCE_MANAGER", RESOURCE_MANAGER)
    request = urllib.request.Request(  # noqa: S310
        f"{address}{id_}?api-version={API_VERSION}",
        data=json.dumps({"properties": properties}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="PATCH",
    )
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310
        pass
