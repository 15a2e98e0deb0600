"""The maintenance window of a stack's database, as Azure has it.

Azure ignores it at a server's creation. The program sets it afterwards, once: if that failed, no later
preview shows a difference.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from components.azure.postgres.maintenance_window import API_VERSION, BY_HAND, RESOURCE_MANAGER

SERVER = "azure-native:dbforpostgresql:Server"
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class Window(NamedTuple):
    """The window that a stack's state has, and where Azure shows the real one."""

    id: str = ""
    """ID of the server; empty without one."""
    wanted: str = ""

    @property
    def server(self) -> str:
        return os.environ.get("AZURE_RESOURCE_MANAGER", RESOURCE_MANAGER)

    @property
    def path(self) -> str:
        return f"{self.id}?api-version={API_VERSION}"

    def problem(self, answer: Mapping[str, Any]) -> str:
        """What is wrong with the window of a server that Azure answers with; empty for nothing."""
        there = described(answer["properties"].get("maintenanceWindow") or {})
        return "" if there == self.wanted else (
            f"it is {there}, and should be {self.wanted}. {BY_HAND.format(self.id)}"
        )  # fmt: skip


NO_WINDOW = Window()


def window(resources: Iterable[Mapping[str, Any]]) -> Window:
    """The window in a stack's state: that of the last server, since a restore adds one."""
    servers = [resource for resource in resources if resource["type"] == SERVER]
    if not servers:
        return NO_WINDOW
    return Window(str(servers[-1]["id"]), described(servers[-1]["inputs"]["maintenanceWindow"]))


def described(found: Mapping[str, Any]) -> str:
    if found.get("customWindow") != "Enabled":
        return "any time that Azure chooses"
    return f"{DAYS[int(found['dayOfWeek'])]} {int(found['startHour']):02}:{int(found['startMinute']):02} UTC"
