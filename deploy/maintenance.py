"""The maintenance window and the standby of a stack's database, as Azure has them.

Azure ignores the window at a server's creation, and the standby at a restore. The program sets them
afterwards, once: if that failed, no later preview shows a difference.
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
    standby: str = "Disabled"

    @property
    def server(self) -> str:
        return os.environ.get("AZURE_RESOURCE_MANAGER", RESOURCE_MANAGER)

    @property
    def path(self) -> str:
        return f"{self.id}?api-version={API_VERSION}"

    def problem(self, answer: Mapping[str, Any]) -> str:
        """What is wrong with the window of a server that Azure answers with; empty for nothing."""
        if (standby := mode(answer["properties"])) != self.standby:
            return (
                f"its standby is {standby}, and should be {self.standby}: docs/runbooks/restore-database.md"
            )
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
    id_, inputs = str(servers[-1]["id"]), servers[-1]["inputs"]
    return Window(id_, described(inputs["maintenanceWindow"]), mode(inputs))


def mode(properties: Mapping[str, Any]) -> str:
    """The kind of a server's standby."""
    return str((properties.get("highAvailability") or {}).get("mode") or "Disabled")


def described(found: Mapping[str, Any]) -> str:
    if found.get("customWindow") != "Enabled":
        return "any time that Azure chooses"
    return f"{DAYS[int(found['dayOfWeek'])]} {int(found['startHour']):02}:{int(found['startMinute']):02} UTC"
