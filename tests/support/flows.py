"""Every flow: the table, and those of small releases."""

import importlib
import pkgutil

from components import releases
from components.kubernetes import network_policies

RELEASES = {
    module.name: importlib.import_module(f"components.releases.{module.name}").FLOWS
    for module in pkgutil.iter_modules(releases.__path__)
}
"""Flows of each module in components/releases/."""


def all_flows():
    return [*network_policies.FLOWS, *(flow for flows in RELEASES.values() for flow in flows)]
