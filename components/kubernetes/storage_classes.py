"""Storage classes."""

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.azure import AzureContext, Role, grant
from components.azure.catalog import zones
from components.component import Component, after

PROVISIONER = "disk.csi.azure.com"
WAIT = "WaitForFirstConsumer"
"""The disk is created in the zone of its first pod, and not in one where the pod cannot run."""


class StorageClasses(Component):
    """`retain` for data, `scratch` for data that can be re-created."""

    retain: Output[str]
    """Zone-redundant disks in the stateful resource group. They outlive their claims: delete them by hand."""
    scratch: Output[str]
    """Disks in the node resource group, deleted with their claims."""

    def __init__(
        self,
        name: str,
        *,
        context: AzureContext,
        group: Output[str],
        principal: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`group` is the ID of the stateful resource group, `principal` the cluster's principal ID."""
        super().__init__(name, opts)
        # The cluster creates disks in that group. This is the narrowest built-in role that allows it.
        disks = grant(
            f"{name}-disks", Role.VIRTUAL_MACHINE_CONTRIBUTOR, principal=principal, scope=group, parent=self
        )
        redundancy = "ZRS" if zones(context.location) else "LRS"
        retain = k8s.storage.v1.StorageClass(
            "retain",
            metadata={"name": "retain"},
            provisioner=PROVISIONER,
            parameters={
                "skuName": f"Premium_{redundancy}",
                # Azure deletes the node resource group, with all disks in it, together with the cluster.
                "resourceGroup": context.group,
            },
            reclaim_policy="Retain",
            volume_binding_mode=WAIT,
            allow_volume_expansion=True,
            opts=self.child,
        )
        scratch = k8s.storage.v1.StorageClass(
            "scratch",
            metadata={"name": "scratch"},
            provisioner=PROVISIONER,
            parameters={"skuName": "Premium_LRS"},
            reclaim_policy="Delete",
            volume_binding_mode=WAIT,
            allow_volume_expansion=True,
            opts=self.child,
        )
        self.retain = after(retain.metadata.name, disks.id)
        self.scratch = scratch.metadata.name.apply(str)
        self.register_outputs({"retain": self.retain, "scratch": self.scratch})
